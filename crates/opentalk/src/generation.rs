//! The two generations of the vendor's signaling that are served: they differ in how histories are told.

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Generation {
    /// Histories are whole arrays.
    #[default]
    Arrays,
    /// Histories come in chunks of 100, with paging and search.
    Chunks,
}
