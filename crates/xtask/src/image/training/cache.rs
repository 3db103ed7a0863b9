//! Layers in the user's cache, made once of the same recipe.

use std::{
    fs::{self, File},
    path::Path,
};

use super::super::{digest::Digest, layer::Layer};
use crate::{Outcome, tools};

/// The layers of a recipe, which says all that they are made of. Where they are not in the cache, `make` writes them to a
/// folder as `0`, `1`, and so on.
pub(super) fn layers<const N: usize>(
    recipe: &str,
    make: impl FnOnce(&Path) -> Outcome<[Layer; N]>,
) -> Outcome<Vec<Layer>> {
    layers_in(&tools::cache()?, recipe, make)
}

fn layers_in<const N: usize>(
    cache: &Path,
    recipe: &str,
    make: impl FnOnce(&Path) -> Outcome<[Layer; N]>,
) -> Outcome<Vec<Layer>> {
    let digest = Digest::of(recipe);
    let key = &digest.hex()[..16];
    let place = cache.join(format!("training-{key}"));
    let unusable = |error| format!("cannot use the cache at {}: {error}", cache.display());
    fs::create_dir_all(cache).map_err(unusable)?;
    // Two that are started at once make only one.
    let guard = File::create(place.with_extension("lock")).map_err(unusable)?;
    guard.lock().map_err(unusable)?;
    if let Some(layers) = kept(&place) {
        return Ok(layers);
    }
    eprintln!(
        "making the layers of Debian, Python and iflearner in {} (once)",
        place.display()
    );
    let building = cache.join(format!(".training-{key}"));
    // What one that was interrupted has left.
    clear(&building)?;
    fs::create_dir(&building).map_err(unusable)?;
    let made = make(&building).and_then(|layers| {
        clear(&place)?;
        fs::create_dir(&place).map_err(unusable)?;
        for number in 0..N {
            fs::rename(building.join(number.to_string()), place.join(number.to_string())).map_err(unusable)?;
        }
        // Last, as it says that the others are there.
        fs::write(place.join("layers.json"), serde_json::to_vec(layers.as_slice())?).map_err(unusable)?;
        kept(&place).ok_or_else(|| format!("{} was made and is not whole", place.display()).into())
    });
    clear(&building)?;
    made
}

/// Removes a folder, if it is there.
fn clear(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", folder.display()).into())
        }
        _ => Ok(()),
    }
}

/// The layers in a folder of the cache, if they are there and as long as they should be.
fn kept(place: &Path) -> Option<Vec<Layer>> {
    let listed = fs::read(place.join("layers.json")).ok()?;
    let mut layers: Vec<Layer> = serde_json::from_slice(&listed).ok()?;
    for (number, layer) in layers.iter_mut().enumerate() {
        layer.path = place.join(number.to_string());
        if fs::metadata(&layer.path).ok()?.len() != layer.size {
            return None;
        }
    }
    Some(layers)
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{layer, tree::Tree},
        *,
    };

    fn make(folder: &Path) -> Outcome<[Layer; 1]> {
        let mut tree = Tree::new();
        tree.text("a", "b");
        Ok([layer::write(&tree, &folder.join("0"))?])
    }

    fn not_again(_: &Path) -> Outcome<[Layer; 1]> {
        Err("made again".into())
    }

    #[test]
    fn layers_are_made_once_of_a_recipe() {
        let dir = tempfile::tempdir().unwrap();
        let made = layers_in(dir.path(), "one", make).unwrap();
        assert!(made[0].path.starts_with(dir.path()));
        let found = layers_in(dir.path(), "one", not_again).unwrap();
        assert_eq!((&found[0].digest, &found[0].path), (&made[0].digest, &made[0].path));
        let other = layers_in(dir.path(), "another", not_again);
        assert_eq!(other.unwrap_err().to_string(), "made again");
    }

    #[test]
    fn layers_that_are_not_whole_are_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let made = layers_in(dir.path(), "one", make).unwrap();
        fs::write(&made[0].path, "cut").unwrap();
        layers_in(dir.path(), "one", not_again).unwrap_err();
        assert_eq!(layers_in(dir.path(), "one", make).unwrap()[0].size, made[0].size);
    }
}
