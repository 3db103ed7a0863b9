//! How the objects of jobs are kept: as text, which takes much less memory than the types do, whose fields are
//! mostly empty. It is read anew at each look at a job, which is cheaper than any request.

use std::{borrow::Cow, marker::PhantomData, sync::Arc};

use kube::{
    Resource, ResourceExt,
    runtime::{
        reflector::{
            Lookup, ObjectRef, Store,
            store::{Writer, WriterDropped},
        },
        watcher::Event,
    },
};
use serde::{Serialize, de::DeserializeOwned};

/// The objects of one kind.
pub(crate) struct Cache<K> {
    store: Store<Kept>,
    kind: PhantomData<fn() -> K>,
}

impl<K: DeserializeOwned> Cache<K> {
    /// The object of a name, as it was last heard of.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let kept = self.store.get(&ObjectRef::new(name).within(namespace))?;
        // It was written from this very type. Were it not to be read, it would be looked for at the API server.
        serde_json::from_slice(&kept.text).ok().map(Arc::new)
    }

    /// Waits until all that is there was heard of.
    pub(super) async fn filled(&self) -> Result<(), WriterDropped> {
        self.store.wait_until_ready().await
    }
}

/// Fills a cache.
pub(super) struct Keeper<K> {
    writer: Writer<Kept>,
    kind: PhantomData<fn(K)>,
}

/// An empty cache, and what fills it.
pub(super) fn cache<K>() -> (Cache<K>, Keeper<K>) {
    let writer = Writer::new(());
    let store = writer.as_reader();
    let kind = PhantomData;
    (
        Cache { store, kind },
        Keeper {
            writer,
            kind: PhantomData,
        },
    )
}

impl<K: Resource + Serialize> Keeper<K> {
    /// Keeps what a watch has heard.
    pub(super) fn keep(&mut self, event: &Event<K>) {
        let event = match event {
            Event::Apply(object) => Event::Apply(Kept::of(object)),
            Event::Delete(object) => Event::Delete(Kept::of(object)),
            Event::Init => Event::Init,
            Event::InitApply(object) => Event::InitApply(Kept::of(object)),
            Event::InitDone => Event::InitDone,
        };
        self.writer.apply_watcher_event(&event);
    }
}

/// An object as text.
#[derive(Debug, Clone)]
struct Kept {
    namespace: Option<String>,
    name: String,
    text: Arc<[u8]>,
}

impl Kept {
    fn of(object: &(impl Resource + Serialize)) -> Self {
        // Types with string keys and without failing parts can always be written.
        let text = serde_json::to_vec(object).unwrap_or_default();
        Self {
            namespace: object.meta().namespace.clone(),
            name: object.name_any(),
            text: text.into(),
        }
    }
}

/// A cache has one kind only, so that keys need not say it.
impl Lookup for Kept {
    type DynamicType = ();

    fn kind((): &()) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn group((): &()) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn version((): &()) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn plural((): &()) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.name))
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        self.namespace.as_deref().map(Cow::Borrowed)
    }

    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}
