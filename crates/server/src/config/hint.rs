//! Which word was meant.

/// The word that is nearest to `wrong`, if one is near enough to be a slip, else one that it begins or that begins it.
pub(super) fn nearest<'a>(wrong: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<&str> = words.into_iter().collect();
    let near = words.iter().map(|word| (distance(wrong, word), *word)).min_by_key(|(distance, _)| *distance);
    let slip = near.filter(|(distance, word)| *distance <= 1 + word.len().min(wrong.len()) / 4);
    let begun = || words.iter().find(|word| word.starts_with(wrong) || wrong.starts_with(**word)).copied();
    slip.map(|(_, word)| word).or_else(begun)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (row, line) in rows.iter_mut().enumerate() {
        line[0] = row;
    }
    rows[0] = (0..=to.len()).collect();
    for row in 1..=from.len() {
        for column in 1..=to.len() {
            let (a, b) = (from[row - 1], to[column - 1]);
            let changed = rows[row - 1][column - 1] + usize::from(a != b);
            let mut best = changed.min(rows[row - 1][column] + 1).min(rows[row][column - 1] + 1);
            if row > 1 && column > 1 && a == to[column - 2] && from[row - 2] == b {
                best = best.min(rows[row - 2][column - 2] + 1);
            }
            rows[row][column] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let words = ["http.listen", "admin.listen", "socket.ping_interval", "store.path"];
        assert_eq!(nearest("http.lisetn", words), Some("http.listen"));
        assert_eq!(nearest("socket.ping_intervall", words), Some("socket.ping_interval"));
        assert_eq!(nearest("htpt.listen", words), Some("http.listen"));
        assert_eq!(nearest("cluster.nodes", words), None);
    }
}
