//! A log-linear histogram of nanoseconds: 64 steps per power of two, so a value is at most 1.6 % too low.

const STEPS: usize = 64;
const STEPS_BITS: u32 = STEPS.trailing_zeros();

pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram { counts: vec![0; STEPS * (64 - STEPS_BITS as usize + 1)], total: 0, max: 0 }
    }

    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.counts[index(ns)] += 1;
        self.total += 1;
        self.max = self.max.max(ns);
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.max as f64 / 1e6
    }

    /// The value that `share` (0 to 1) of all do not exceed; 0 if there are none.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return lowest(index) as f64 / 1e6;
            }
        }
        0.0
    }
}

/// Values below `STEPS` have a step each; above, the highest bits of the value name the step.
#[inline]
fn index(ns: u64) -> usize {
    if ns < STEPS as u64 {
        return ns as usize;
    }
    let shift = 63 - ns.leading_zeros() - STEPS_BITS;
    (shift as usize + 1) * STEPS + ((ns >> shift) as usize - STEPS)
}

fn lowest(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let shift = index / STEPS - 1;
    ((index % STEPS + STEPS) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_begins_at_most_a_64th_below_its_values() {
        for ns in (0..63)
            .map(|bit| 1_u64 << bit)
            .flat_map(|ns| [ns.saturating_sub(1), ns, ns + ns / 3, ns + ns / 2])
        {
            let low = lowest(index(ns));
            assert!(low <= ns && ns - low <= ns / STEPS as u64, "{ns} counts as {low}");
        }
        assert!(index(u64::MAX) < Histogram::new().counts.len());
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|ms| histogram.record(ms * 1_000_000));
        assert!((histogram.quantile_ms(0.5) - 500.0).abs() < 8.0);
        assert!((histogram.quantile_ms(0.99) - 990.0).abs() < 16.0);
        assert!((histogram.max_ms() - 1000.0).abs() < f64::EPSILON);
    }
}
