//! The machine's clock and chance: the only places where the server reads either.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sidetalk_core::model::Timestamp;
use sidetalk_core::ports::{Clock, Entropy};

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the engine of the Clock port")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970; rooms keep their own times rising.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's chance.
#[derive(Clone, Copy, Debug)]
pub struct OsEntropy;

impl OsEntropy {
    /// A fresh secret: 64 hexadecimal digits.
    pub fn secret(self) -> String {
        format!("{:032x}{:032x}", self.bits(), self.bits())
    }
}

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the engine of the Entropy port")]
    fn bits(&self) -> u128 {
        let mut bytes = [0; 16];
        // Without chance there are no safe ids and no safe secrets: going on would be worse than stopping.
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        u128::from_ne_bytes(bytes)
    }
}
