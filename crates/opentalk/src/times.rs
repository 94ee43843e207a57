//! Times as clients write them.

use sidetalk_core::model::Timestamp;

/// Reads a time of RFC 3339.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || !(20..=40).contains(&bytes.len()) {
        return None;
    }
    let number = |from: usize, digits: usize| -> Option<i64> {
        let part = &text[from..from + digits];
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let separators = (bytes[4], bytes[7], bytes[13], bytes[16]) == (b'-', b'-', b':', b':');
    if !separators || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = if digits == 0 { "" } else { &rest[1..=digits] };
    let zone = &rest[if digits == 0 { 0 } else { digits + 1 }..];
    let micros: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    let offset = offset(zone)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

/// `Z` or `+01:00`, in seconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, max: i64| {
        let is_good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_good.then(|| text.parse::<i64>().ok()).flatten().filter(|number| *number <= max)
    };
    Some(sign * (number(hours, 23)? * 3_600 + number(minutes, 59)? * 60))
}

/// How many days a month has.
fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next_month, 1) - days(year, month, 1)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for micros in [0, 1_795_253_400_123_456, 951_782_400_000_000, -1, 253_402_300_799_999_999] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(parse(at.text().as_str()), Some(at));
        }
        let at = Timestamp::from_micros(1_666_437_753_000_000);
        for text in ["2022-10-22T11:22:33Z", "2022-10-22t11:22:33.000z", "2022-10-22T13:22:33+02:00"] {
            assert_eq!(parse(text), Some(at), "{text}");
        }
        let nanos = parse("2022-10-22T11:22:33.123456789Z");
        assert_eq!(nanos, Some(Timestamp::from_micros(1_666_437_753_123_456)));
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "now",
            "2022-10-22",
            "2022-13-22T11:22:33Z",
            "2022-02-29T11:22:33Z",
            "2022-10-22T11:22:33",
            "2022-10-22T11:22:33+2",
            "2022-10-22T11:22:33+24:00",
            "2022-10-22T11:22:33+-1:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
