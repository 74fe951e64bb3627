//! A simulated 1C process with many objects and threads: `crowd1c LIBRARY APPLICATION`, the number of the
//! platform's program that it plays. It obeys lines of JSON, one answer for each; see `licence::crowd`.
#![allow(
    unsafe_code,
    reason = "forking, unloading a library and asking the allocator are calls of the C library"
)]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    unix::main()
}

#[cfg(unix)]
mod unix {
    use std::{
        env,
        ffi::CString,
        io::{self, BufRead, Write},
        net::TcpListener,
        path::Path,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
        thread,
        time::{Duration, Instant},
    };

    use licence::{
        host::{End, Library, Object, Report, Value},
        scene::{PATIENCE, session},
    };
    use serde_json::{Value as Json, json};

    pub(super) fn main() -> io::Result<()> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [library, application] = arguments.as_slice() else {
            return Err(io::Error::other("usage: crowd1c LIBRARY APPLICATION"));
        };
        let mut crowd = Crowd {
            file: library.clone(),
            library: load(library),
            application: application.parse().map_err(io::Error::other)?,
            objects: Vec::new(),
        };
        for line in io::stdin().lock().lines() {
            let command: Json = serde_json::from_str(&line?)?;
            let told = crowd.obey(&command);
            writeln!(io::stdout(), "{told}")?;
        }
        crowd.close();
        Ok(())
    }

    fn load(file: &str) -> &'static Library {
        // It lives as long as the process, unless the test unloads it behind our back.
        let library = Box::leak(Box::new(Library::load(Path::new(file))));
        library.set_capabilities(3);
        library
    }

    struct Crowd {
        file: String,
        library: &'static Library,
        application: i32,
        objects: Vec<Object<'static>>,
    }

    impl Crowd {
        fn obey(&mut self, command: &Json) -> Json {
            match command["do"].as_str() {
                Some("seat") => self.seat(command),
                Some("state") => self.state(),
                Some("open") => self.open(),
                Some("churn") => self.churn(command),
                Some("load") => {
                    self.file = command["library"].as_str().unwrap_or_default().into();
                    self.library = load(&self.file);
                    json!({})
                }
                Some("close") => json!({ "unclean": self.close() }),
                Some("fork") => self.fork(command),
                Some("unload") => self.unload(command),
                Some("memory") => json!({ "bytes": memory() }),
                _ => json!({ "wrong": "no such thing to do" }),
            }
        }

        /// An object that is told everything and holds a seat; its failure otherwise.
        fn seated(&self, command: &Json, number: u32) -> Result<Object<'static>, String> {
            let object = self.prepared(command, number)?;
            self.call(&object, "Connect", &[])?;
            self.call(&object, "ObtainLicence", &[])?;
            Ok(object)
        }

        fn prepared(&self, command: &Json, number: u32) -> Result<Object<'static>, String> {
            let object = self.library.create("LicenceAddIn").ok_or("no object")?;
            object.platform(Some(("8.3.25.1286", self.application)));
            if !object.init() || !object.set_memory() {
                return Err("the object is not created".into());
            }
            object.set_language("en");
            let text = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
            let port = command["port"].as_i64().unwrap_or_default();
            let set = |name: &str, value: Value| {
                object
                    .set(name, value)
                    .map_err(|_| format!("{name} is refused"))
            };
            set("ServerAddr", Value::Text(text("server")))?;
            set(
                "ServerPort",
                Value::Int(i32::try_from(port).unwrap_or_default()),
            )?;
            set("ReservedServers", Value::Text(text("reserved")))?;
            if let Some(file) = command["binary"].as_str() {
                let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
                self.call(&object, "LoadDataFile", &[Value::Blob(bytes)])?;
            } else {
                let file = Value::Text(text("datafile"));
                self.call(&object, "LoadDataFile", &[file])?;
            }
            self.call(&object, "SetSession", &session(number))?;
            Ok(object)
        }

        fn call(&self, object: &Object<'_>, name: &str, with: &[Value]) -> Result<(), String> {
            match object.call(name, with) {
                Ok(Value::Bool(true)) => Ok(()),
                _ => Err(format!(
                    "{name}: {} {}",
                    object.error_code(),
                    object.get_text("ErrorDescription")
                )),
            }
        }

        /// Seats `count` objects on `threads` threads, each for the session of its own number, or all for `from`.
        fn seat(&mut self, command: &Json) -> Json {
            let number = |name: &str| command[name].as_u64().map_or(1, |number| number as usize);
            let (from, count) = (number("from"), number("count"));
            let next = AtomicUsize::new(0);
            let (objects, errors) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
            thread::scope(|scope| {
                for _ in 0..number("threads") {
                    scope.spawn(|| {
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            if at >= count {
                                return;
                            }
                            match self.seated(command, (from + at) as u32) {
                                Ok(object) => objects
                                    .lock()
                                    .unwrap_or_else(|poison| poison.into_inner())
                                    .push(object),
                                Err(error) => errors
                                    .lock()
                                    .unwrap_or_else(|poison| poison.into_inner())
                                    .push(error),
                            }
                        }
                    });
                }
            });
            let objects = objects.into_inner().unwrap_or_default();
            let seated = objects.len();
            self.objects.extend(objects);
            json!({ "seated": seated, "errors": errors.into_inner().unwrap_or_default() })
        }

        fn state(&self) -> Json {
            let count = |name: &str, value: &Value| {
                let equal = self
                    .objects
                    .iter()
                    .filter(|object| object.get(name) == *value);
                equal.count()
            };
            let mut servers: Vec<_> = self
                .objects
                .iter()
                .map(|object| object.get_text("CurrentServer"))
                .collect();
            servers.sort();
            servers.dedup();
            json!({
                "obtained": count("LicenceObtained", &Value::Bool(true)),
                "connected": count("Connected", &Value::Bool(true)),
                "certain": count("GraceUntil", &Value::Date([1, 1, 1, 0, 0, 0])),
                "servers": servers,
            })
        }

        /// How many objects get the protected object now.
        fn open(&self) -> Json {
            let opened = self.objects.iter().filter(|object| {
                matches!(
                    object.call("GetObject", &[Value::Text("Расчет".into())]),
                    Ok(Value::Blob(_))
                )
            });
            json!({ "opened": opened.count() })
        }

        /// Makes `count` objects and ends them, every tenth with a seat.
        fn churn(&self, command: &Json) -> Json {
            let count = command["count"].as_u64().unwrap_or_default() as usize;
            let next = AtomicUsize::new(0);
            let wrong = Mutex::new(None);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            if at >= count {
                                return;
                            }
                            let number = 10 + (at % 50) as u32;
                            let made = if at.is_multiple_of(10) {
                                self.seated(command, number)
                            } else {
                                self.prepared(command, number)
                            };
                            let ended = made.map(end);
                            if ended != Ok(true) {
                                *wrong.lock().unwrap_or_else(|poison| poison.into_inner()) =
                                    Some(format!("{ended:?}"));
                            }
                        }
                    });
                }
            });
            json!({ "wrong": wrong.into_inner().unwrap_or_default(), "bytes": memory() })
        }

        fn close(&mut self) -> usize {
            let objects = std::mem::take(&mut self.objects);
            objects.into_iter().map(end).filter(|clean| !clean).count()
        }

        /// A forked child takes a seat of its own, opens the object, and ends, while so many threads of the parent take
        /// and give seats.
        fn fork(&mut self, command: &Json) -> Json {
            let number = command["from"].as_u64().unwrap_or(1) as u32;
            let storm = command["storm"].as_u64().unwrap_or(0) as u32;
            let inherited = std::mem::take(&mut self.objects);
            let over = AtomicBool::new(false);
            // With `inside`, another thread is inside a call of an object when the process forks.
            let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let inside = command["inside"].as_bool().unwrap_or_default().then(|| {
                let mut command = command.clone();
                command["reserved"] = "".into();
                command["port"] = silent.local_addr().map_or(0, |at| at.port()).into();
                self.prepared(&command, 3000).expect("an object is made")
            });
            let told = thread::scope(|scope| {
                if let Some(object) = &inside {
                    scope.spawn(|| object.call("Connect", &[]).is_ok());
                    let _ = silent.accept();
                }
                for thread in 0..storm {
                    let (crowd, over) = (&*self, &over);
                    scope.spawn(move || {
                        while !over.load(Ordering::Relaxed) {
                            let _ = crowd.seated(command, 1000 + thread).map(end);
                        }
                    });
                }
                // SAFETY: the child uses the component, which is what is tested, and ends by _exit.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    let all = inherited.iter().chain(&inside);
                    let code = self.child(command, number, all);
                    // SAFETY: nothing of the parent's is to run again here.
                    unsafe { libc::_exit(code) };
                }
                let told = wait(child);
                over.store(true, Ordering::Relaxed);
                told
            });
            self.objects = inherited;
            told
        }

        /// The inherited objects work for other sessions and end as any others would.
        fn child<'a>(
            &self,
            command: &Json,
            number: u32,
            inherited: impl Iterator<Item = &'a Object<'a>>,
        ) -> i32 {
            for (object, at) in inherited.zip(0..) {
                if let Err(error) = self.call(object, "SetSession", &session(2000 + at)) {
                    eprintln!("in the child: {error}");
                    return 3;
                }
                object.done();
            }
            match self.seated(command, number) {
                Ok(object) => {
                    let opened = object
                        .call("GetObject", &[Value::Text("Расчет".into())])
                        .is_ok();
                    i32::from(!(opened && end(object)))
                }
                Err(error) => {
                    eprintln!("in the child: {error}");
                    2
                }
            }
        }

        /// A thread of the component waits for a silent server; the objects are ended and the library unloaded.
        fn unload(&mut self, command: &Json) -> Json {
            let unclean = self.close();
            let failed = self.seated(command, 1).map(end);
            let name = CString::new(self.file.as_str()).unwrap_or_default();
            // SAFETY: nothing of the library is called from here on.
            let closed = unsafe {
                let handle = libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
                !handle.is_null() && libc::dlclose(handle) == 0 && libc::dlclose(handle) == 0
            };
            json!({ "unclean": unclean, "closed": closed, "connected": failed.is_ok() })
        }
    }

    /// Waits for a child, which is ended when it hangs.
    fn wait(child: libc::pid_t) -> Json {
        let begun = Instant::now();
        let (mut status, mut waited) = (-1, 0);
        while waited == 0 && begun.elapsed() < PATIENCE {
            // SAFETY: the number is our child's, and the place for its status is ours.
            waited = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
            thread::sleep(Duration::from_millis(2));
        }
        if waited == 0 {
            // SAFETY: as above.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
        }
        json!({ "waited": waited == child, "status": status })
    }

    fn end(object: Object<'_>) -> bool {
        object.done();
        object.finish(End::DestroyObject) == Report::default()
    }

    /// The bytes that this process has from the allocator.
    fn memory() -> u64 {
        // SAFETY: no preconditions.
        let info = unsafe { libc::mallinfo2() };
        (info.uordblks + info.hblkhd) as u64
    }
}
