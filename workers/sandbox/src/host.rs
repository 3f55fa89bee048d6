//! What a module can call: each call is counted, checked, and kept within the limits of its job.

use std::time::Instant;

use mtor_skills::SkillError;
use mtor_skills::fetch::{Page, Pages};
use mtor_worker::CancellationToken;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use wasmi::{Caller, Engine, Error, Extern, Linker, Memory, StoreLimits};

use crate::abi::{self, Fetched, Span};
use crate::defaults;
use crate::halt::Halt;
use crate::limits::Limits;

/// What the outside is to one job.
#[derive(Clone)]
pub(crate) struct Outside {
    /// The tool, for the log.
    pub(crate) tool: String,
    pub(crate) pages: Pages,
    pub(crate) runtime: Handle,
    pub(crate) pieces: mpsc::Sender<String>,
    pub(crate) cancelled: CancellationToken,
}

/// What one job has used, and what it can reach.
pub(crate) struct Guest {
    pub(crate) limits: Limits,
    pub(crate) store_limits: StoreLimits,
    pub(crate) until: Instant,
    /// Nothing while a module is only asked for its manifest.
    outside: Option<Outside>,
    calls: u32,
    fetches: u32,
    fetched_bytes: usize,
    written_bytes: usize,
    /// What was fetched last, until the module takes it.
    fetched: Vec<u8>,
}

impl Guest {
    pub(crate) fn new(limits: Limits, outside: Option<Outside>) -> Self {
        Self {
            limits,
            store_limits: limits.of_store(),
            until: Instant::now() + limits.time,
            outside,
            calls: 0,
            fetches: 0,
            fetched_bytes: 0,
            written_bytes: 0,
            fetched: Vec::new(),
        }
    }

    /// Whether somebody still waits, and for how long.
    pub(crate) fn go_on(&self) -> Result<(), Halt> {
        if self.outside.as_ref().is_some_and(|outside| outside.cancelled.is_cancelled()) {
            return Err(Halt::Unwanted);
        }
        if Instant::now() >= self.until {
            return Err(Halt::Time(self.limits.time.as_millis()));
        }
        Ok(())
    }

    /// A piece of the answer, on its way.
    pub(crate) fn write(&mut self, text: String) -> Result<(), Halt> {
        let outside = self.outside()?;
        self.written_bytes = self.written_bytes.saturating_add(text.len());
        if self.written_bytes > self.limits.output_bytes {
            return Err(Halt::Output(self.limits.output_bytes));
        }
        if text.is_empty() {
            return Ok(());
        }
        outside.pieces.blocking_send(text).map_err(|_| Halt::Unwanted)
    }

    fn outside(&self) -> Result<Outside, Halt> {
        let early = || Halt::Interface("it calls the worker before it has a job".to_owned());
        self.outside.clone().ok_or_else(early)
    }

    fn called(&mut self) -> Result<(), Halt> {
        self.calls += 1;
        if self.calls > defaults::HOST_CALLS_MAX {
            return Err(Halt::HostCalls);
        }
        self.go_on()
    }

    fn fetch(&mut self, url: &str) -> Result<usize, Halt> {
        self.fetches += 1;
        if self.fetches > defaults::FETCHES_MAX {
            return Err(Halt::Fetched);
        }
        let outside = self.outside()?;
        // A thread of its own waits here, and none of the runtime's.
        let answer = outside.runtime.block_on(async {
            tokio::select! {
                () = outside.cancelled.cancelled() => Err(Halt::Unwanted),
                () = tokio::time::sleep_until(self.until.into()) => Err(Halt::Time(self.limits.time.as_millis())),
                page = outside.pages.fetch(url) => fetched(page),
            }
        })?;
        self.fetched = serde_json::to_vec(&answer).map_err(|error| Halt::Broken(error.to_string()))?;
        self.fetched_bytes = self.fetched_bytes.saturating_add(self.fetched.len());
        match self.fetched_bytes > defaults::FETCHED_BYTES_MAX {
            true => Err(Halt::Fetched),
            false => Ok(self.fetched.len()),
        }
    }
}

/// What a module is told of a page. What it may not ask for stops it; a server that is down does not.
fn fetched(page: Result<Page, SkillError>) -> Result<Fetched, Halt> {
    match page {
        Ok(Page { url, content_type, text }) => {
            Ok(Fetched::Page { url: url.to_string(), content_type, text })
        }
        Err(SkillError::Forbidden(why)) => Err(Halt::Host(why)),
        Err(error) => Ok(Fetched::Error(error.to_string())),
    }
}

/// The calls that a module may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Guest>, Error> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(abi::HOST, abi::LOG, |mut caller: Caller<'_, Guest>, start: i32, bytes: i32| {
        caller.data_mut().called().map_err(Error::host)?;
        let line: String =
            read(&caller, Span::of(start, bytes))?.chars().take(defaults::LOG_CHARS_MAX).collect();
        let outside = caller.data().outside().map_err(Error::host)?;
        // Quoted: a stranger's line could hold what moves the cursor.
        tracing::info!(tool = outside.tool, "says {line:?}");
        Ok(())
    })?;
    linker.func_wrap(abi::HOST, abi::CHUNK, |mut caller: Caller<'_, Guest>, start: i32, bytes: i32| {
        caller.data_mut().called().map_err(Error::host)?;
        let text = read(&caller, Span::of(start, bytes))?;
        caller.data_mut().write(text).map_err(Error::host)
    })?;
    linker.func_wrap(abi::HOST, abi::HTTP_GET, |mut caller: Caller<'_, Guest>, start: i32, bytes: i32| {
        caller.data_mut().called().map_err(Error::host)?;
        let url = read(&caller, Span::of(start, bytes))?;
        if url.len() > defaults::URL_BYTES_MAX {
            let why = format!("an address of more than {} bytes", defaults::URL_BYTES_MAX);
            return Err(Error::host(Halt::Host(why)));
        }
        let bytes = caller.data_mut().fetch(&url).map_err(Error::host)?;
        i32::try_from(bytes).map_err(|_| Error::host(Halt::Fetched))
    })?;
    linker.func_wrap(abi::HOST, abi::TAKE, |mut caller: Caller<'_, Guest>, start: i32| {
        caller.data_mut().called().map_err(Error::host)?;
        let memory = memory(&caller)?;
        let (all, guest) = memory.data_and_store_mut(&mut caller);
        let fetched = std::mem::take(&mut guest.fetched);
        let start = Span::of(start, 0).start;
        let room = start.checked_add(fetched.len()).and_then(|end| all.get_mut(start..end));
        let room = room.ok_or_else(|| Error::host(past_the_end()))?;
        room.copy_from_slice(&fetched);
        Ok(())
    })?;
    Ok(linker)
}

fn memory(caller: &Caller<'_, Guest>) -> Result<Memory, Error> {
    let none = || Error::host(Halt::Interface(format!("it exports no {}", abi::MEMORY)));
    caller.get_export(abi::MEMORY).and_then(Extern::into_memory).ok_or_else(none)
}

/// A text in the memory of a module.
fn read(caller: &Caller<'_, Guest>, span: Span) -> Result<String, Error> {
    let memory = memory(caller)?;
    let limit = caller.data().limits.output_bytes.max(defaults::URL_BYTES_MAX);
    if span.bytes > limit {
        return Err(Error::host(Halt::Output(limit)));
    }
    text(span.within(memory.data(caller))).map_err(Error::host)
}

/// Bytes of a module's memory as text.
pub(crate) fn text(bytes: Option<&[u8]>) -> Result<String, Halt> {
    let bytes = bytes.ok_or_else(past_the_end)?;
    let no_text = |_| Halt::Interface("what it gives is no UTF-8".to_owned());
    std::str::from_utf8(bytes).map(str::to_owned).map_err(no_text)
}

pub(crate) fn past_the_end() -> Halt {
    Halt::Interface("what it gives lies past the end of its memory".to_owned())
}
