//! What is stored comes back to the letter and the microsecond, and names are told apart by their bytes.

use flow_domain::Timestamp;
use serde_json::json;

use crate::{
    databases::Opened,
    samples::{NOW, mk_template},
};

on_all!(
    text_of_any_language_comes_back,
    a_large_document_comes_back,
    times_are_exact,
    names_are_compared_byte_for_byte,
);

async fn text_of_any_language_comes_back(db: Opened) {
    let name = "ziffern 🎯 数字 größe";
    let mut template = mk_template(name);
    template.spec.remark = "\u{1F468}\u{200D}\u{1F52C} \"'`\\ %_ \u{0}".to_owned();
    db.store.insert_template(&template, None).await.unwrap();
    assert_eq!(db.store.template_named(name).await.unwrap(), Some(template));
}

async fn a_large_document_comes_back(db: Opened) {
    let mut template = mk_template("large");
    template.spec.remark = "ä".repeat(1 << 19);
    db.store.insert_template(&template, None).await.unwrap();
    assert_eq!(db.store.template(template.id).await.unwrap(), Some(template));
}

async fn times_are_exact(db: Opened) {
    let mut template = mk_template("digits");
    template.created_at = NOW;
    template.modified_at = Timestamp(i64::MAX);
    template.spec.hyperparameters =
        serde_json::from_value(json!({ "lr": 0.1, "tiny": 5e-324, "whole": 9_007_199_254_740_993_i64 })).unwrap();
    db.store.insert_template(&template, None).await.unwrap();
    assert_eq!(db.store.template(template.id).await.unwrap(), Some(template));
}

async fn names_are_compared_byte_for_byte(db: Opened) {
    let names = ["straße", "strasse", "Straße", "STRASSE", "e\u{301}te", "\u{e9}te"];
    for name in names {
        db.store.insert_template(&mk_template(name), None).await.unwrap();
    }
    for name in names {
        let found = db.store.template_named(name).await.unwrap().unwrap();
        assert_eq!(found.spec.name.to_string(), name);
    }
    for other in ["Strasse", "strasse ", "strasse\u{0}", " strasse", "ete"] {
        assert_eq!(db.store.template_named(other).await.unwrap(), None, "{other:?}");
    }
}
