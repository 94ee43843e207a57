//! Every delivery is accounted for: per receiver and publisher the numbers must come as 0, 1, 2, …

use std::collections::HashSet;

use crate::frame::Mark;

/// Rooms of equal size; the first members of each are its publishers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seats {
    pub rooms: usize,
    pub members: usize,
    pub publishers: usize,
}

impl Seats {
    /// The member that a publisher is.
    pub(crate) fn member(&self, publisher: usize) -> usize {
        publisher / self.publishers * self.members + publisher % self.publishers
    }
}

pub(crate) struct Tally {
    seats: Seats,
    /// The next number, per receiver and publisher of its room.
    next: Vec<u32>,
    /// Numbers that were jumped over and may still come: (place in `next`, number).
    missing: HashSet<(usize, u32)>,
    /// Deliveries without repetitions.
    pub delivered: u64,
    pub duplicates: u64,
    pub reordered: u64,
    /// Deliveries to somebody outside the room.
    pub strays: u64,
}

impl Tally {
    pub(crate) fn new(seats: Seats) -> Tally {
        let next = vec![0; seats.rooms * seats.members * seats.publishers];
        Tally { seats, next, missing: HashSet::new(), delivered: 0, duplicates: 0, reordered: 0, strays: 0 }
    }

    /// Counts one delivery; `false` if it should not have come.
    #[inline]
    pub(crate) fn count(&mut self, receiver: usize, mark: Mark) -> bool {
        let publisher = usize::from(mark.publisher);
        if publisher / self.seats.publishers != receiver / self.seats.members {
            self.strays += 1;
            return false;
        }
        let place = receiver * self.seats.publishers + publisher % self.seats.publishers;
        let next = &mut self.next[place];
        if mark.n == *next {
            *next += 1;
            self.delivered += 1;
            return true;
        }
        self.out_of_turn(place, mark.n)
    }

    #[cold]
    fn out_of_turn(&mut self, place: usize, n: u32) -> bool {
        if n > self.next[place] {
            self.missing.extend((self.next[place]..n).map(|n| (place, n)));
            self.next[place] = n + 1;
        } else if self.missing.remove(&(place, n)) {
            self.reordered += 1;
        } else {
            self.duplicates += 1;
            return false;
        }
        self.delivered += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arrivals: &[(usize, u16, u32)], delivered: u64, duplicates: u64, reordered: u64, strays: u64) {
        let mut tally = Tally::new(Seats { rooms: 2, members: 3, publishers: 2 });
        for (receiver, publisher, n) in arrivals {
            tally.count(*receiver, Mark { publisher: *publisher, n: *n, planned_ns: 0 });
        }
        assert_eq!(
            (tally.delivered, tally.duplicates, tally.reordered, tally.strays),
            (delivered, duplicates, reordered, strays)
        );
    }

    #[test]
    fn each_kind_of_fault_is_counted_as_itself() {
        check(&[(0, 0, 0), (0, 0, 1), (0, 1, 0), (2, 1, 0), (3, 2, 0), (5, 3, 0)], 6, 0, 0, 0);
        check(&[(0, 0, 0), (0, 0, 0)], 1, 1, 0, 0);
        check(&[(0, 0, 0), (0, 0, 2), (0, 0, 1), (0, 0, 3), (0, 0, 1)], 4, 1, 1, 0);
        check(&[(0, 0, 0), (0, 0, 3)], 2, 0, 0, 0);
        check(&[(3, 0, 0), (0, 2, 0)], 0, 0, 0, 2);
    }

    #[test]
    fn the_first_members_of_a_room_publish() {
        let seats = Seats { rooms: 2, members: 10, publishers: 2 };
        assert_eq!([0, 1, 2, 3].map(|publisher| seats.member(publisher)), [0, 1, 10, 11]);
    }
}
