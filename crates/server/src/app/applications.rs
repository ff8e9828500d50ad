//! Applications: all of them in memory, where every publish and every subscription looks, and what the host
//! does with them.
//!
//! Once a change has been answered it holds everywhere. So that nobody who hangs up meanwhile keeps a
//! change from that, the publisher rings after each commit, too.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use fanfare_model::{
    Timestamp,
    application::{AppLimits, Application, ApplicationPatch, InvalidApplication, NewApplication, Preset},
    limits::APPS_MAX,
};
use fanfare_store::{
    Error as StoreError, Store, Tx,
    applications::{self, Taken},
};
use tokio::sync::{Mutex, Notify};

use super::{Answer, App, Creation, Error, channels::signal};
use crate::{random, shutdown::Tasks};

/// The wait after the database could not be read, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// What the application of the first start is called.
const DEFAULT_NAME: &str = "default";

pub(super) const NO_APP: Error = Error::NotFound("App not found");
const ID_TAKEN: Error = Error::Conflict("An app with this id exists already");
const KEY_TAKEN: Error = Error::Conflict("An app with this key exists already");
const FULL: Error = Error::Conflict("There are 1000 apps already");
const _: () = assert!(APPS_MAX == 1_000, "the text above names it");
const IS_DEFAULT: Error = Error::Conflict("The default app cannot be deleted");
const IS_PRESET: Error = Error::Conflict("The secret of this app stands in the configuration, as app");

/// A body that may or may not describe a change; told only after the application was found.
pub(crate) type ApplicationRequest = Result<ApplicationPatch, InvalidApplication>;

/// Every application, as it was last read.
pub(crate) struct Applications {
    kept: RwLock<Kept>,
    /// The id of the one that stands in the configuration.
    preset: Option<String>,
    /// Held by the one who reads, so that what was read first is not kept last.
    reading: Mutex<()>,
    bell: Notify,
}

#[derive(Default)]
struct Kept {
    all: Vec<Arc<Application>>,
    by_id: HashMap<String, Arc<Application>>,
    by_key: HashMap<String, Arc<Application>>,
}

impl From<Vec<Application>> for Kept {
    fn from(all: Vec<Application>) -> Self {
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let by = |name: fn(&Application) -> &String| {
            all.iter().map(|application| (name(application).clone(), application.clone())).collect()
        };
        Self { by_id: by(|application| &application.id), by_key: by(|application| &application.key), all }
    }
}

impl Applications {
    /// Reads all of them.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn load(store: &Store, preset: Option<&Preset>) -> Result<Self, StoreError> {
        let loaded = Self {
            kept: RwLock::default(),
            preset: preset.map(|preset| preset.id.clone()),
            reading: Mutex::new(()),
            bell: Notify::new(),
        };
        loaded.reload(store).await?;
        Ok(loaded)
    }

    /// The application of this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<Arc<Application>> {
        self.look(|kept| kept.by_id.get(id).cloned())
    }

    /// The application of this key.
    pub(crate) fn by_key(&self, key: &str) -> Option<Arc<Application>> {
        self.look(|kept| kept.by_key.get(key).cloned())
    }

    /// The application that a webhook names; the empty text is the default one's.
    pub(crate) fn of_webhook(&self, app: &str) -> Option<Arc<Application>> {
        if app.is_empty() { Some(self.default()) } else { self.by_id(app) }
    }

    /// The default application.
    pub(crate) fn default(&self) -> Arc<Application> {
        self.look(|kept| kept.all.first().cloned()).expect("it is made at the first start and never deleted")
    }

    /// Every one: the default one, then the others in the order in which they were made.
    fn all(&self) -> Vec<Arc<Application>> {
        self.look(|kept| kept.all.clone())
    }

    fn look<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them again: what was committed before the call holds after it.
    async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        let kept = Kept::from(store.read(applications::list).await?);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }

    /// Rings when there may be something to read.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }
}

/// Reads the applications again whenever it is rung, until the server stops.
pub(crate) async fn run(app: App, tasks: Tasks) {
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            () = app.applications.bell.notified(), if !is_failing => {}
            () = app.clock.sleep_ms(RETRY_MS), if is_failing => {}
        }
        let read = app.applications.reload(&app.store).await;
        if let Err(error) = &read
            && !is_failing
        {
            tracing::warn!(%error, "a change of the apps does not hold yet; trying again");
        }
        is_failing = read.is_err();
    }
}

/// Makes sure that there is a default application: the one of the configuration, or else the one there
/// is, or else a new one. A secret that the configuration replaces is taken for `overlap_ms` longer. One
/// that was the default before goes on as one of the others.
///
/// # Errors
/// The store's; [`Taken`] when another application has the key of the configuration's.
pub(crate) async fn ensure_default(
    store: &Store,
    preset: Option<&Preset>,
    overlap_ms: i64,
    now: Timestamp,
) -> Result<Result<(), Taken>, StoreError> {
    let (preset, made) = (preset.cloned(), new_default(now));
    store
        .write(move |tx| {
            applications::lock(tx)?;
            let there = applications::list(tx)?.into_iter().find(|application| application.is_default);
            let Some(Preset { id, key, secret }) = preset.clone() else {
                return if there.is_some() { Ok(Ok(())) } else { applications::insert(tx, &made) };
            };
            if let Some(other) = there.filter(|there| there.id != id) {
                let other = Application { is_default: false, ..other };
                if let Err(taken) = applications::update(tx, &other)? {
                    return Ok(Err(taken));
                }
            }
            match applications::get(tx, &id)? {
                None => applications::insert(tx, &Application { id, key, secret, ..made.clone() }),
                Some(before) => {
                    let after = Application { key, is_default: true, ..before.clone() };
                    let after = after.with_secret(secret, now, overlap_ms);
                    if after == before { Ok(Ok(())) } else { applications::update(tx, &after) }
                }
            }
        })
        .await
}

fn new_default(now: Timestamp) -> Application {
    let limits = AppLimits::default();
    let name = DEFAULT_NAME.to_owned();
    let new = NewApplication { name, id: None, key: None, secret: None, limits };
    Application { is_default: true, ..made(new, now) }
}

/// The application as it is described, with what it lacks made up. Ids are digits, since some of Pusher's
/// clients take no others.
fn made(new: NewApplication, now: Timestamp) -> Application {
    let NewApplication { name, id, key, secret, limits } = new;
    Application {
        id: id.unwrap_or_else(|| (100_000_000 + random::number() % 900_000_000).to_string()),
        key: key.unwrap_or_else(random::hex::<10>),
        secret: secret.unwrap_or_else(random::secret),
        old_secret: None,
        name,
        limits,
        is_default: false,
        created_at: now,
    }
}

fn free(written: Result<(), Taken>) -> Result<(), Error> {
    written.map_err(|taken| match taken {
        Taken::Id => ID_TAKEN,
        Taken::Key => KEY_TAKEN,
    })
}

impl App {
    pub(crate) fn list_applications(&self) -> Vec<Arc<Application>> {
        self.applications.all()
    }

    pub(crate) fn get_application(&self, id: &str) -> Result<Arc<Application>, Error> {
        self.applications.by_id(id).ok_or(NO_APP)
    }

    pub(crate) async fn create_application(
        &self,
        new: NewApplication,
        creation: Creation<Application>,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        let new = made(new, now);
        let work = move |tx: &mut Tx| {
            applications::lock(tx)?;
            if usize::try_from(applications::count(tx)?).is_ok_and(|count| count >= APPS_MAX) {
                return Err(FULL);
            }
            free(applications::insert(tx, &new)?)?;
            Ok(new.clone())
        };
        let answer = self.store.write(move |tx| creation.once(tx, now, &work)).await?;
        self.applications.reload(&self.store).await?;
        Ok(answer)
    }

    /// Changes an application. An unknown one is told before a bad patch.
    pub(crate) async fn update_application(
        &self,
        id: String,
        patch: ApplicationRequest,
    ) -> Result<Application, Error> {
        let change = move |application| Ok(patch.as_ref().map_err(Clone::clone)?.applied_to(application));
        self.change_application(id, change).await
    }

    /// Gives an application a new secret; the one that it had is taken for a while longer.
    pub(crate) async fn rotate_application(&self, id: String) -> Result<Application, Error> {
        let (now, overlap_ms, secret) = (self.clock.now(), self.delivery.secret_overlap_ms, random::secret());
        let preset = self.applications.preset.clone();
        let change = move |application: Application| {
            if preset.as_ref() == Some(&application.id) {
                return Err(IS_PRESET);
            }
            Ok(application.with_secret(secret.clone(), now, overlap_ms))
        };
        self.change_application(id, change).await
    }

    async fn change_application(
        &self,
        id: String,
        change: impl Fn(Application) -> Result<Application, Error> + Send + 'static,
    ) -> Result<Application, Error> {
        let work = move |tx: &mut Tx| {
            applications::lock(tx)?;
            let before = applications::get(tx, &id)?.ok_or(NO_APP)?;
            let after = change(before.clone())?;
            if after != before {
                free(applications::update(tx, &after)?)?;
            }
            Ok::<_, Error>(after)
        };
        let application = self.store.write(work).await?;
        self.applications.reload(&self.store).await?;
        Ok(application)
    }

    /// Deletes an application, which publishes and hears nothing any more.
    pub(crate) async fn delete_application(&self, id: String) -> Result<(), Error> {
        let deleted = id.clone();
        let work = move |tx: &mut Tx| {
            applications::lock(tx)?;
            if applications::get(tx, &id)?.ok_or(NO_APP)?.is_default {
                return Err(IS_DEFAULT);
            }
            if applications::delete(tx, &id)? { Ok(()) } else { Err(NO_APP) }
        };
        self.store.write(work).await?;
        self.applications.reload(&self.store).await?;
        self.channels.sockets.ring_app(&deleted, signal::APP_GONE);
        Ok(())
    }
}
