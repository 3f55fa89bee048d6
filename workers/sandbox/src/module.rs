//! A module that was loaded, and its visits: one for each job, each in an instance of its own.

use std::path::Path;
use std::sync::Arc;

use mtor_skills::SkillError;
use mtor_skills::fetch::Pages;
use mtor_worker::CancellationToken;
use mtor_worker::protocol::ToolInfo;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use wasmi::{
    CompilationMode, Config, EnforcedLimits, Engine, Instance, Memory, Module, Store, TypedFunc,
    TypedResumableCall, WasmParams, WasmResults,
};

use crate::abi::{self, Answer, Span};
use crate::defaults;
use crate::halt::Halt;
use crate::host::{Guest, Outside, linker, past_the_end, text};
use crate::limits::Limits;
use crate::manifest::{Allowed, Manifest};

/// Why a module is no skill.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its file can't be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is too large, or no WebAssembly.
    #[error("no WebAssembly module that can be run here: {0}")]
    Module(String),
    /// It was stopped while it said what it is.
    #[error("the module was stopped while it said what it is: {0}")]
    Halt(#[from] Halt),
    /// Its manifest is wrong.
    #[error("{0}")]
    Manifest(String),
    /// Nothing can be fetched on this machine.
    #[error(transparent)]
    Pages(#[from] SkillError),
}

/// A module that was loaded: a tool.
pub struct Skill {
    engine: Engine,
    module: Module,
    limits: Limits,
    manifest: Manifest,
    info: ToolInfo,
    denied: Vec<String>,
    pages: Pages,
}

/// One job of a skill.
pub struct Visit {
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Where the pieces of its answer go.
    pub pieces: mpsc::Sender<String>,
    /// Nobody waits any more.
    pub cancelled: CancellationToken,
}

impl Skill {
    /// Loads a module from a file, as bytes or as text (WAT).
    ///
    /// # Errors
    /// Why it is none.
    pub fn open(path: &Path, allowed: &Allowed, limits: Limits) -> Result<Self, LoadError> {
        let unread = |error| LoadError::File { path: path.display().to_string(), error };
        if std::fs::metadata(path).map_err(unread)?.len() > defaults::MODULE_BYTES_MAX {
            return Err(LoadError::Module(format!("more than {} bytes", defaults::MODULE_BYTES_MAX)));
        }
        Self::load(&std::fs::read(path).map_err(unread)?, allowed, limits)
    }

    /// Loads a module, as bytes or as text (WAT), and asks it what it is.
    ///
    /// # Errors
    /// Why it is none.
    pub fn load(module: &[u8], allowed: &Allowed, limits: Limits) -> Result<Self, LoadError> {
        let no_module = |error: String| LoadError::Module(error);
        let bytes = wat::parse_bytes(module).map_err(|error| no_module(error.to_string()))?;
        let engine = Engine::new(&config());
        let module = Module::new(&engine, &bytes).map_err(|error| no_module(error.to_string()))?;
        let mut asked = Running::new(&engine, &module, Guest::new(limits, None))?;
        let packed = asked.call(abi::MANIFEST, ())?;
        let json = asked.read(Span::unpacked(packed), defaults::MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::read(json.as_bytes()).map_err(LoadError::Manifest)?;
        let inside = allowed.private.iter().map(|host| without_port(host).to_owned()).collect();
        let pages = Pages::new(inside)?.only(manifest.granted(allowed));
        let denied = manifest.denied(allowed).map(str::to_owned).collect();
        let info = manifest.info(allowed);
        Ok(Self { engine, module, limits, manifest, info, denied, pages })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the realm is told of it.
    pub fn info(&self) -> &ToolInfo {
        &self.info
    }

    /// The hosts that it asks for and may not ask.
    pub fn denied(&self) -> &[String] {
        &self.denied
    }

    /// Does one job in a thread of its own, for as long as that takes within the limits.
    ///
    /// # Errors
    /// Why it was stopped.
    pub async fn visit(self: Arc<Self>, visit: Visit) -> Result<(), Halt> {
        let runtime = Handle::current();
        let work = tokio::task::spawn_blocking(move || self.run(visit, runtime));
        work.await.unwrap_or_else(|error| Err(Halt::Broken(error.to_string())))
    }

    fn run(&self, visit: Visit, runtime: Handle) -> Result<(), Halt> {
        let arguments = Value::Object(visit.arguments).to_string();
        if arguments.len() > defaults::ARGUMENTS_BYTES_MAX {
            return Err(Halt::Refused(format!("arguments: at most {} bytes", defaults::ARGUMENTS_BYTES_MAX)));
        }
        let outside = Outside {
            tool: self.manifest.tool(),
            pages: self.pages.clone(),
            runtime,
            pieces: visit.pieces,
            cancelled: visit.cancelled,
        };
        let guest = Guest::new(self.limits, Some(outside));
        let mut running = Running::new(&self.engine, &self.module, guest)?;
        let bytes = i32::try_from(arguments.len()).map_err(|_| past_the_end())?;
        let start: i32 = running.call(abi::ALLOC, bytes)?;
        running.write(Span::of(start, bytes), arguments.as_bytes())?;
        let packed = running.call(abi::RUN, (start, bytes))?;
        // Every byte of a text may stand as six in JSON.
        let json = running.read(Span::unpacked(packed), self.limits.output_bytes.saturating_mul(6))?;
        match serde_json::from_str(&json) {
            Ok(Answer::Text(text)) => running.store.data_mut().write(text),
            Ok(Answer::Error(why)) => Err(Halt::Refused(why)),
            Err(error) => Err(Halt::Interface(format!("its answer can't be read: {error}"))),
        }
    }
}

/// How modules are read and run: all that is not needed is off.
fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .allow_start_fn(false)
        .compilation_mode(CompilationMode::Eager)
        .enforced_limits(EnforcedLimits::strict())
        .set_max_recursion_depth(defaults::CALLS_DEEP_MAX)
        .set_max_stack_height(defaults::STACK_WORDS_MAX)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .ignore_custom_sections(true);
    config
}

/// An instance of a module.
struct Running {
    store: Store<Guest>,
    instance: Instance,
    memory: Memory,
    /// Steps that it may still take.
    fuel: u64,
}

impl Running {
    fn new(engine: &Engine, module: &Module, guest: Guest) -> Result<Self, Halt> {
        let limits = guest.limits;
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.store_limits);
        let halt = |error: wasmi::Error| Halt::of(&error, &limits);
        store.set_fuel(limits.fuel).map_err(halt)?;
        let instance = linker(engine)
            .and_then(|linker| linker.instantiate_and_start(&mut store, module))
            .map_err(halt)?;
        let none = || Halt::Interface(format!("it exports no {}", abi::MEMORY));
        let memory = instance.get_memory(&store, abi::MEMORY).ok_or_else(none)?;
        let fuel = store.get_fuel().map_err(halt)?;
        Ok(Self { store, instance, memory, fuel })
    }

    /// Calls an export, slice by slice, until it is done or has to be stopped.
    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, arguments: P) -> Result<R, Halt> {
        let limits = self.store.data().limits;
        let halt = |error: wasmi::Error| Halt::of(&error, &limits);
        let function: TypedFunc<P, R> = self
            .instance
            .get_typed_func(&self.store, name)
            .map_err(|error| Halt::Interface(format!("it exports no {name} of the right kind: {error}")))?;
        let mut given = self.give(1, &limits)?;
        let mut call = function.call_resumable(&mut self.store, arguments).map_err(halt)?;
        loop {
            let left = self.store.get_fuel().map_err(halt)?;
            self.fuel = self.fuel.saturating_sub(given.saturating_sub(left));
            match call {
                TypedResumableCall::Finished(result) => return Ok(result),
                TypedResumableCall::HostTrap(trap) => return Err(Halt::of(trap.host_error(), &limits)),
                TypedResumableCall::OutOfFuel(paused) => {
                    self.store.data().go_on()?;
                    given = self.give(paused.required_fuel(), &limits)?;
                    call = paused.resume(&mut self.store).map_err(halt)?;
                }
            }
        }
    }

    /// Puts a slice of fuel into the instance, and no less than it needs to go on; how much that is.
    fn give(&mut self, needed: u64, limits: &Limits) -> Result<u64, Halt> {
        if self.fuel < needed {
            return Err(Halt::Fuel(limits.fuel));
        }
        let given = needed.max(defaults::FUEL_SLICE).min(self.fuel);
        self.store.set_fuel(given).map_err(|error| Halt::of(&error, limits))?;
        Ok(given)
    }

    fn read(&self, span: Span, bytes_max: usize) -> Result<String, Halt> {
        match span.bytes > bytes_max {
            true => Err(Halt::Output(bytes_max)),
            false => text(span.within(self.memory.data(&self.store))),
        }
    }

    fn write(&mut self, span: Span, bytes: &[u8]) -> Result<(), Halt> {
        let all = self.memory.data_mut(&mut self.store);
        let end = span.start.checked_add(bytes.len()).ok_or_else(past_the_end)?;
        all.get_mut(span.start..end).ok_or_else(past_the_end)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// The host of `name:port`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_stands_before_its_port() {
        assert_eq!(without_port("nas:8080"), "nas");
        assert_eq!(without_port("nas"), "nas");
        assert_eq!(without_port("[::1]:80"), "[::1]");
    }
}
