//! A model of a disk that loses what was not synced.
//!
//! It keeps, per file, what has certainly reached the disk, and what was only given to it since. After a power cut, each of the
//! latter may be there, missing or torn at the borders of sectors, whatever its order: the worst that a disk may do that keeps
//! its promise about syncs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::rng::Rng;

/// What a disk writes at once or not at all, in bytes.
const SECTOR: usize = 512;

/// One thing that was done to the disk.
pub(crate) enum Act {
    /// Bytes were written at an offset.
    Write { file: String, offset: usize, bytes: Vec<u8> },
    /// A file was cut or lengthened.
    SetLength { file: String, length: usize },
    /// All of a file has to be on the disk now.
    Sync { file: String },
    /// A file was removed; `synced`: its folder was synced, too.
    Remove { file: String, synced: bool },
}

/// The files, by name.
#[derive(Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
}

#[derive(Default)]
struct File {
    safe: Option<Vec<u8>>,
    risky: Vec<Risky>,
}

enum Risky {
    Bytes { offset: usize, bytes: Vec<u8> },
    Length(usize),
    Removed,
}

impl Disk {
    /// Does one thing to the disk.
    pub(crate) fn follow(&mut self, act: Act) {
        match act {
            Act::Write { file, offset, bytes } => self.risk(file, Risky::Bytes { offset, bytes }),
            Act::SetLength { file, length } => self.risk(file, Risky::Length(length)),
            Act::Sync { file } => {
                let file = self.files.entry(file).or_default();
                for risky in std::mem::take(&mut file.risky) {
                    risky.apply(&mut file.safe);
                }
                // Synced but never written: it is there, and empty.
                file.safe.get_or_insert_default();
            }
            Act::Remove { file, synced: true } => drop(self.files.remove(&file)),
            Act::Remove { file, synced: false } => self.risk(file, Risky::Removed),
        }
    }

    fn risk(&mut self, file: String, risky: Risky) {
        self.files.entry(file).or_default().risky.push(risky);
    }

    /// Writes into `folder` what might be left after a power cut now.
    pub(crate) fn cut(&self, rng: &mut Rng, folder: &Path) {
        for (name, file) in &self.files {
            let mut left = file.safe.clone();
            let mood = Mood::any(rng);
            for risky in &file.risky {
                risky.survive(mood, rng, &mut left);
            }
            if let Some(bytes) = left {
                std::fs::write(folder.join(name), bytes).expect("the scratch folder takes it");
            }
        }
    }
}

/// How a disk treats what it was given at last: the extremes are as likely as the mixtures.
#[derive(Clone, Copy)]
enum Mood {
    LosesAll,
    KeepsAll,
    Mixes,
}

impl Mood {
    fn any(rng: &mut Rng) -> Self {
        *rng.pick(&[Self::LosesAll, Self::KeepsAll, Self::Mixes, Self::Mixes])
    }

    fn keeps(self, rng: &mut Rng) -> bool {
        match self {
            Self::LosesAll => false,
            Self::KeepsAll => true,
            Self::Mixes => rng.once_in(2),
        }
    }
}

impl Risky {
    fn apply(self, file: &mut Option<Vec<u8>>) {
        match self {
            Self::Bytes { offset, bytes } => write(file, offset, &bytes),
            Self::Length(length) => file.get_or_insert_default().resize(length, 0),
            Self::Removed => *file = None,
        }
    }

    fn survive(&self, mood: Mood, rng: &mut Rng, file: &mut Option<Vec<u8>>) {
        match self {
            Self::Bytes { offset, bytes } => {
                let mut at = 0;
                while at < bytes.len() {
                    // The sectors are the disk's, wherever a write begins.
                    let end = (at + SECTOR - (offset + at) % SECTOR).min(bytes.len());
                    if mood.keeps(rng) {
                        write(file, offset + at, &bytes[at..end]);
                    }
                    at = end;
                }
            }
            Self::Length(length) if mood.keeps(rng) => file.get_or_insert_default().resize(*length, 0),
            Self::Removed if mood.keeps(rng) => *file = None,
            Self::Length(_) | Self::Removed => {}
        }
    }
}

fn write(file: &mut Option<Vec<u8>>, offset: usize, bytes: &[u8]) {
    let file = file.get_or_insert_default();
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}
