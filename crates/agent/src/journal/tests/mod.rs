//! The journal, in memory, on SQLite and on a real MariaDB.

/// Makes each of these a test on SQLite and MariaDB; they take an empty place of their own.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test($crate::journal::tests::home::Home::folder()).await; })*
        }
        mod mariadb {
            $(#[tokio::test] async fn $test() { super::$test($crate::journal::tests::home::Home::server().await).await; })*
        }
    };
}

/// Makes each of these a test on both databases and in memory.
macro_rules! on_all {
    ($($test:ident),* $(,)?) => {
        on_both!($($test),*);
        mod memory {
            $(#[tokio::test] async fn $test() { super::$test($crate::journal::tests::home::Home::memory()).await; })*
        }
    };
}

mod away;
mod home;
mod indexes;
mod lists;
mod places;
mod record;
mod retention;
mod samples;

/// Asks until it is so; fails after a while, saying what it waited for.
async fn within(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so().await {
        assert!(std::time::Instant::now() < deadline, "waited a minute until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
