//! Questions to the server, over whatever session there is: one at a time, each with an answer in time or none.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flow_proto::v1::{self, from_agent::Message as FromAgent};
use tokio::sync::{mpsc, oneshot};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no session.
    #[error("this party is not attached to the server now: jobs run on; ask again when it is")]
    NotAttached,
    /// The session ended before the answer.
    #[error("the connection to the server broke before it answered: ask again")]
    Broken,
    /// There was none in time.
    #[error("the server did not answer in time: ask again, or look whether it is as new as this agent")]
    Silent,
}

/// Where questions wait for their answers. Shared by those who ask and the link.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// Held by the one who asks.
    turn: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    session: Option<mpsc::Sender<v1::FromAgent>>,
    number: u64,
    waiting: Option<oneshot::Sender<v1::TaskPage>>,
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session is there to ask through.
    pub(super) fn attached(&self, session: mpsc::Sender<v1::FromAgent>) {
        let mut inner = self.lock();
        (inner.session, inner.waiting) = (Some(session), None);
    }

    /// It has ended.
    pub(super) fn detached(&self) {
        let mut inner = self.lock();
        (inner.session, inner.waiting) = (None, None);
    }

    /// An answer came; one that nobody waits for any more is dropped.
    pub(super) fn answered(&self, page: v1::TaskPage) {
        let mut inner = self.lock();
        if page.request == inner.number
            && let Some(waiting) = inner.waiting.take()
        {
            let _ = waiting.send(page);
        }
    }

    pub(crate) async fn ask(&self, query: v1::TaskQuery) -> Result<v1::TaskPage, AskError> {
        let answer = async {
            let _turn = self.turn.lock().await;
            let (sender, answer) = oneshot::channel();
            let (session, request) = {
                let mut inner = self.lock();
                let session = inner.session.clone().ok_or(AskError::NotAttached)?;
                inner.number += 1;
                inner.waiting = Some(sender);
                (session, inner.number)
            };
            let message = Some(FromAgent::TaskQuery(v1::TaskQuery { request, ..query }));
            let sent = session.send(v1::FromAgent { message }).await;
            sent.map_err(|_| AskError::Broken)?;
            // Not held on to: a session that has ended is to close.
            drop(session);
            answer.await.map_err(|_| AskError::Broken)
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .map_err(|_| AskError::Silent)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_goes_to_its_question_and_the_end_of_a_session_is_one() {
        let questions = Questions::default();
        let query = v1::TaskQuery::default();
        assert_eq!(questions.ask(query.clone()).await, Err(AskError::NotAttached));
        let (session, mut sent) = mpsc::channel(4);
        questions.attached(session.clone());
        let server = async {
            for end in [false, true] {
                let Some(FromAgent::TaskQuery(query)) = sent.recv().await.unwrap().message else {
                    panic!("no question");
                };
                let page = |request| v1::TaskPage {
                    request,
                    count: 7,
                    ..v1::TaskPage::default()
                };
                // One that was given up long ago.
                questions.answered(page(query.request - 1));
                match end {
                    false => questions.answered(page(query.request)),
                    true => questions.detached(),
                }
            }
        };
        let agent = async {
            let answered = questions.ask(query.clone()).await.unwrap();
            (answered.count, questions.ask(query.clone()).await)
        };
        let ((), (count, broken)) = tokio::join!(server, agent);
        assert_eq!((count, broken), (7, Err(AskError::Broken)));
    }
}
