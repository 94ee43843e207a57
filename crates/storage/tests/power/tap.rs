//! Overhears what SQLite does to its files: a layer over its own way to the disk.
//!
//! SQLite reaches files through a table of functions (<https://www.sqlite.org/vfs.html>). Once [`install`]ed, every connection
//! of this process goes through ours, which do what SQLite's own do and note what changes a file.

#![expect(unsafe_code, reason = "SQLite's interface to files is C")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::OnceLock;

use parking_lot::Mutex;
use rusqlite::ffi::{
    SQLITE_OK, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_int64, sqlite3_io_methods,
    sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::disk::Act;

/// What was overheard, in order, with what the listener said in between.
pub(crate) enum Heard<T> {
    Act(Act),
    Said(T),
}

/// `(client id, room, seq)` of a message that was answered.
pub(crate) type Answer = (String, u32, u64);

static HEARD: Mutex<Option<Vec<Heard<Answer>>>> = Mutex::new(None);

/// SQLite's own way to the disk.
static OWN: OnceLock<Own> = OnceLock::new();

struct Own(*mut sqlite3_vfs);
// SAFETY: SQLite's table of functions lives as long as the process and may be used by any thread.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

/// Listens from now on.
pub(crate) fn listen() {
    *HEARD.lock() = Some(Vec::new());
}

/// What was heard; listens no more.
pub(crate) fn heard() -> Vec<Heard<Answer>> {
    HEARD.lock().take().unwrap_or_default()
}

/// Puts a word among what is heard.
pub(crate) fn say(answer: Answer) {
    if let Some(heard) = &mut *HEARD.lock() {
        heard.push(Heard::Said(answer));
    }
}

fn note(act: Act) {
    if let Some(heard) = &mut *HEARD.lock() {
        heard.push(Heard::Act(act));
    }
}

/// An open file: ours in front, SQLite's own behind it in the same memory.
#[repr(C)]
struct Tapped {
    base: sqlite3_file,
    /// Its name, if it is one that must outlive the process.
    name: *mut String,
}

/// Where SQLite's own file begins.
const BEHIND: usize = size_of::<Tapped>().next_multiple_of(16);

unsafe fn own(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `open` was given as much memory as `szOsFile` of our table says.
    unsafe { file.byte_add(BEHIND) }
}

unsafe fn name<'a>(file: *mut sqlite3_file) -> Option<&'a String> {
    // SAFETY: the file was opened by `open`, which sets the name to null or to a box that `close` frees.
    unsafe { (*file.cast::<Tapped>()).name.as_ref() }
}

/// Calls a function of SQLite's own on the file behind ours.
macro_rules! own {
    ($file:ident.$function:ident($($argument:expr),*)) => {{
        // SAFETY: SQLite calls our function with what it would call its own with; the table was set by its own `xOpen`.
        unsafe {
            let own = own($file);
            (*(*own).pMethods).$function.expect("SQLite's own file has it")(own $(, $argument)*)
        }
    }};
}

/// Functions that do nothing but what SQLite's own do.
macro_rules! pass_on {
    ($($function:ident as $method:ident($($argument:ident: $type:ty),*);)*) => {
        $(unsafe extern "C" fn $function(file: *mut sqlite3_file $(, $argument: $type)*) -> c_int {
            own!(file.$method($($argument),*))
        })*
    };
}

pass_on! {
    read as xRead(to: *mut c_void, count: c_int, offset: sqlite3_int64);
    file_size as xFileSize(size: *mut sqlite3_int64);
    lock as xLock(level: c_int);
    unlock as xUnlock(level: c_int);
    check_reserved_lock as xCheckReservedLock(result: *mut c_int);
    file_control as xFileControl(op: c_int, argument: *mut c_void);
    sector_size as xSectorSize();
    device_characteristics as xDeviceCharacteristics();
    shm_map as xShmMap(page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void);
    shm_lock as xShmLock(offset: c_int, count: c_int, flags: c_int);
    shm_unmap as xShmUnmap(delete: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    own!(file.xShmBarrier());
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    offset: sqlite3_int64,
) -> c_int {
    let result = own!(file.xWrite(from, count, offset));
    // SAFETY: see `name`; SQLite gives `count` bytes at `from`.
    if let Some(name) = unsafe { name(file) } {
        let bytes = unsafe { slice::from_raw_parts(from.cast::<u8>(), length(count.into())) }.to_vec();
        note(Act::Write { file: name.clone(), offset: length(offset), bytes });
    }
    result
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let result = own!(file.xTruncate(size));
    // SAFETY: see `name`.
    if let Some(name) = unsafe { name(file) } {
        note(Act::SetLength { file: name.clone(), length: length(size) });
    }
    result
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    let result = own!(file.xSync(flags));
    // SAFETY: see `name`.
    if let Some(name) = unsafe { name(file) } {
        note(Act::Sync { file: name.clone() });
    }
    result
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let result = own!(file.xClose());
    // SAFETY: see `name`; SQLite closes a file once.
    unsafe {
        let name = ptr::replace(&raw mut (*file.cast::<Tapped>()).name, ptr::null_mut());
        if !name.is_null() {
            drop(Box::from_raw(name));
        }
    }
    result
}

/// Version 2: with shared memory, which is no file, and without mapping of files, which nobody could overhear.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let vfs = own_vfs();
    // SAFETY: SQLite gives memory for `szOsFile` bytes, and a path or null.
    unsafe {
        let result = (*vfs).xOpen.expect("SQLite's own has it")(vfs, path, own(file), flags, flags_out);
        let outlives = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL) != 0 && !path.is_null();
        let name = if outlives && result == SQLITE_OK {
            Box::into_raw(Box::new(file_name(path)))
        } else {
            ptr::null_mut()
        };
        // Without functions SQLite does not close the file.
        let methods = if (*own(file)).pMethods.is_null() { ptr::null() } else { &raw const METHODS };
        file.cast::<Tapped>().write(Tapped { base: sqlite3_file { pMethods: methods }, name });
        result
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    let vfs = own_vfs();
    // SAFETY: SQLite gives a path.
    unsafe {
        let result = (*vfs).xDelete.expect("SQLite's own has it")(vfs, path, sync);
        note(Act::Remove { file: file_name(path), synced: sync != 0 });
        result
    }
}

/// Lets every connection that is opened from now on be overheard.
pub(crate) fn install() {
    OWN.get_or_init(|| {
        // SAFETY: SQLite's own table is there from the start; ours is never freed.
        unsafe {
            let own = sqlite3_vfs_find(ptr::null());
            let ours = Box::leak(Box::new(*own));
            ours.zName = c"tapped".as_ptr();
            ours.pNext = ptr::null_mut();
            ours.szOsFile += c_int::try_from(BEHIND).expect("small");
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            assert_eq!(sqlite3_vfs_register(ours, 1), SQLITE_OK);
            Own(own)
        }
    });
}

fn own_vfs() -> *mut sqlite3_vfs {
    OWN.get().expect("installed").0
}

unsafe fn file_name(path: *const c_char) -> String {
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) }.to_str().expect("a scratch folder in UTF-8");
    Path::new(path).file_name().expect("a file").to_str().expect("still UTF-8").to_owned()
}

fn length(of: sqlite3_int64) -> usize {
    usize::try_from(of).expect("SQLite counts up from zero")
}
