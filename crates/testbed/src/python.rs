//! Real Python environments, built once in the user's cache and shared with `flowctl demo`.

use std::path::PathBuf;

use flowctl::{python, settings};

/// Python with iflearner.
pub async fn iflearner() -> PathBuf {
    let cache = settings::user_dir("XDG_CACHE_HOME", ".cache").unwrap();
    python::environment(&cache, &python::plainly).await.unwrap()
}

/// Python with Flower.
pub async fn flower() -> PathBuf {
    let cache = settings::user_dir("XDG_CACHE_HOME", ".cache").unwrap();
    let requirements = include_str!("../assets/flower/requirements.txt");
    python::environment_of(&cache, requirements, &python::plainly).await.unwrap()
}
