//! What a store's file says of itself, without opening it: to open is to migrate.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use sidetalk_storage::Sqlite;

/// The schema that this version writes.
pub const SCHEMA: u32 = Sqlite::SCHEMA;

/// What is found in the place of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// No file, or an empty one: a store will be made.
    Nothing,
    /// No database.
    Other,
    /// Some other program's database.
    Foreign,
    /// A part of a database.
    Part,
    /// A store of that schema.
    Store(u32),
}

impl Found {
    /// Looks at a file and at the write-ahead log beside it, in which the newest state may lie.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Nothing),
            file => file?,
        };
        let about = file.metadata()?;
        if !about.is_file() {
            return Ok(Self::Other);
        }
        if about.len() == 0 {
            return Ok(Self::Nothing);
        }
        let mut header = [0; Header::BYTES];
        if about.len() < header.len() as u64 {
            return Ok(Self::Other);
        }
        file.read_exact_at(&mut header, 0)?;
        let Some(header) = Header::read(&header) else { return Ok(Self::Other) };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let newest = match newest_header(Path::new(&log))? {
            Some(newest) => newest,
            // What is missing in the file may be in the log only if there is one.
            None if header.bytes.is_some_and(|bytes| about.len() < bytes) => return Ok(Self::Part),
            None => header,
        };
        Ok(match newest.application_id {
            Sqlite::APPLICATION_ID => Self::Store(newest.schema),
            // Made, and not yet written to.
            0 if newest.schema == 0 && newest.bytes.is_none_or(|bytes| bytes <= 4_096) => Self::Nothing,
            _ => Self::Foreign,
        })
    }

    /// What is wrong with a file that is neither a store nor nothing, as the end of a sentence about it.
    pub fn complaint(self) -> &'static str {
        match self {
            Self::Other => "is no database: put the store, or a backup, in its place",
            Self::Foreign => "is a database of another program: choose another folder",
            Self::Part => "is cut short: put a backup in its place",
            Self::Nothing | Self::Store(_) => "is well",
        }
    }

    /// The schema that it has, if it is a store of an earlier version.
    pub fn older(self) -> Option<u32> {
        match self {
            Self::Store(schema) if schema < SCHEMA => Some(schema),
            _ => None,
        }
    }
}

/// The first page's beginning (SQLite's file format, 1.3).
struct Header {
    schema: u32,
    application_id: u32,
    /// The length of the whole, if it is told.
    bytes: Option<u64>,
}

impl Header {
    const BYTES: usize = 100;

    fn read(page: &[u8; Self::BYTES]) -> Option<Self> {
        if !page.starts_with(b"SQLite format 3\0") {
            return None;
        }
        // 1 means 65,536, which does not fit.
        let page_bytes = match u16::from_be_bytes([page[16], page[17]]) {
            1 => 65_536,
            bytes => u64::from(bytes),
        };
        let is_told = number(page, 24) == number(page, 92);
        Some(Self {
            schema: number(page, 60),
            application_id: number(page, 68),
            bytes: is_told.then(|| u64::from(number(page, 28)) * page_bytes),
        })
    }
}

/// The newest first page that was committed to a write-ahead log (SQLite's file format, 4.1).
fn newest_header(log: &Path) -> io::Result<Option<Header>> {
    let log = match File::open(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        log => log?,
    };
    let mut head = [0; 32];
    if read_at(&log, &mut head, 0)?.is_none() {
        return Ok(None);
    }
    let (salts, mut at) = (&head[16..24], head.len() as u64);
    let (mut newest, mut written) = (None, None);
    let mut frame = [0; 24];
    while read_at(&log, &mut frame, at)?.is_some() && frame[8..16] == *salts {
        let mut page = [0; Header::BYTES];
        if number(&frame, 0) == 1 && read_at(&log, &mut page, at + frame.len() as u64)?.is_some() {
            written = Header::read(&page);
        }
        let is_commit = number(&frame, 4) > 0;
        if is_commit && written.is_some() {
            newest = written.take();
        }
        at += frame.len() as u64 + u64::from(number(&head, 8));
    }
    Ok(newest)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// `None` at the end of the file.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<Option<()>> {
    match file.read_exact_at(bytes, at) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sidetalk_storage::SqliteConfig;

    use super::*;

    #[test]
    fn a_store_is_told_from_what_is_none_and_its_log_is_read() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("sidetalk.db");
        let found = || Found::at(&path).expect("it can be read");
        assert_eq!(found(), Found::Nothing);
        fs::write(&path, "").expect("the folder is ours");
        assert_eq!(found(), Found::Nothing);
        fs::write(&path, [7; 8_192]).expect("the folder is ours");
        assert_eq!(found(), Found::Other);
        fs::remove_file(&path).expect("the folder is ours");

        let open = || Sqlite::open(SqliteConfig { readers: 1, ..SqliteConfig::new(&path) });
        let store = open().expect("a fresh store");
        // Nothing has reached the file itself yet.
        assert_eq!(found(), Found::Store(SCHEMA));
        store.close();
        assert_eq!(found(), Found::Store(SCHEMA));

        let whole = fs::read(&path).expect("the folder is ours");
        fs::write(&path, &whole[..whole.len() / 2]).expect("the folder is ours");
        assert_eq!(found(), Found::Part);
        let change = |at: usize, number: u32| {
            let mut changed = whole.clone();
            changed[at..at + 4].copy_from_slice(&number.to_be_bytes());
            fs::write(&path, changed).expect("the folder is ours");
        };
        change(60, 1);
        assert_eq!(found().older(), Some(1));
        change(68, 1);
        assert_eq!(found(), Found::Foreign);
        fs::remove_file(&path).expect("the folder is ours");
        fs::create_dir(&path).expect("the folder is ours");
        assert_eq!(found(), Found::Other);
    }
}
