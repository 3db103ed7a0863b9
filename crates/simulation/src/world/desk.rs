//! Where users reach a server: requests as REST hands them on, with answers that may never come.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flow_server::service::Services;
use tokio::sync::{Notify, oneshot};

use crate::gate::Gate;

/// How long a user waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Request = Box<dyn FnOnce(Services, Arc<Gate>) -> Work + Send>;

/// The requests at one server.
#[derive(Default)]
pub(super) struct Desk {
    waiting: Mutex<VecDeque<Request>>,
    came: Notify,
}

/// No answer came: nobody knows what became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoAnswer;

impl Desk {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits for the answer for a while.
    pub(super) async fn ask<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        request: impl FnOnce(Services) -> F + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (sender, receiver) = oneshot::channel();
        let request: Request = Box::new(move |services, gate| {
            Box::pin(async move {
                gate.pass().await;
                let answer = request(services).await;
                gate.pass().await;
                // Whoever asked may have gone.
                let _ = sender.send(answer);
            })
        });
        self.lock().push_back(request);
        self.came.notify_one();
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(NoAnswer),
        }
    }

    /// Serves for ever; what waited for an earlier life of the server gets no answer.
    pub(super) async fn serve(&self, services: &Services, gate: &Arc<Gate>) {
        self.lock().clear();
        loop {
            let next = self.lock().pop_front();
            match next {
                Some(request) => drop(tokio::spawn(request(services.clone(), gate.clone()))),
                None => self.came.notified().await,
            }
        }
    }
}
