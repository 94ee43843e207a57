//! The comparison as a picture: bars per scenario, readable on light and dark pages.

use std::fmt::Write;

use crate::load::Outcome;
use crate::report::{Results, number};
use crate::run::SIGNALS;
use crate::servers::Target;

const WIDTH: usize = 860;
const LEFT: usize = 110;
const BAR_WIDTH: usize = 520;
const ROW: usize = 24;
const TITLE: usize = 46;
/// Whose name is easily misunderstood.
const OURS: &str =
    "openvidu, opentok, opentalk: sidetalk in the words of those; sidetalk-posts, opentalk: stored messages";

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .note { fill: #57606a }
.bar { fill: #8c959f } .sidetalk { fill: #0969da } .page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #8d96a0 }
  .bar { fill: #6e7681 } .sidetalk { fill: #4493f8 } .page { fill: #0d1117 }
}";

struct Bar {
    target: Target,
    value: f64,
    label: String,
}

pub(crate) fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut y = 16;
    for (scenario, what, shape) in SIGNALS {
        let at_a_rate = matches!(shape.pace, crate::load::Pace::Rate(_));
        let bar = |target| {
            if at_a_rate { rate_bar(results, scenario, target) } else { cpu_bar(results, scenario, target) }
        };
        let bars: Vec<Bar> = Target::ALL.into_iter().filter_map(bar).collect();
        if !bars.is_empty() {
            let unit =
                if at_a_rate { "share of one core (less is better)" } else { "deliveries per CPU second" };
            panel(&mut body, &mut y, &format!("{scenario}: {what}"), unit, &bars);
        }
    }
    let _ = writeln!(body, "<text class=\"note\" x=\"16\" y=\"{}\">{OURS}</text>", y + 4);
    y += 20;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" aria-label=\"Sidetalk beside raw epoll and socket.io\">\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{y}\"/>\n{body}</svg>\n"
    )
}

fn cpu_bar(results: &Results, scenario: &str, target: Target) -> Option<Bar> {
    let value = results.signal(scenario, target, |outcome| outcome.per_cpu_s)?;
    Some(Bar { target, value, label: format!("{} k", number(value / 1e3)) })
}

fn rate_bar(results: &Results, scenario: &str, target: Target) -> Option<Bar> {
    let value = results.signal(scenario, target, Outcome::core_share)?;
    let p99_ms = results.signal(scenario, target, |outcome| outcome.p99_ms)?;
    let over = results.over(scenario, target)? > 0.0;
    let per_s = results.signal(scenario, target, |outcome| outcome.per_s)?;
    let label = if over {
        format!("cannot keep up: {} k deliveries/s", number(per_s / 1e3))
    } else {
        format!("{:.0} %, p99 {} ms", value * 100.0, number(p99_ms))
    };
    Some(Bar { target, value, label })
}

fn panel(body: &mut String, y: &mut usize, title: &str, unit: &str, bars: &[Bar]) {
    let most = bars.iter().map(|bar| bar.value).fold(1e-9, f64::max);
    let _ = writeln!(body, "<text class=\"title\" x=\"16\" y=\"{}\">{title}</text>", *y + 14);
    let _ = writeln!(
        body,
        "<text class=\"note\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{unit}</text>",
        WIDTH - 16,
        *y + 14
    );
    for (row, bar) in bars.iter().enumerate() {
        let top = *y + 24 + row * ROW;
        let (width, class) = (
            (bar.value / most * BAR_WIDTH as f64).max(1.0),
            if bar.target.is_ours() { "sidetalk" } else { "bar" },
        );
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 8,
            top + 14,
            bar.target.name()
        );
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"18\" rx=\"3\"/>"
        );
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT as f64 + width + 8.0,
            top + 14,
            bar.label
        );
    }
    *y += TITLE + bars.len() * ROW;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Signals;

    #[test]
    fn each_measured_server_has_a_bar() {
        let signals = |scenario, target, per_cpu_s| Signals {
            scenario,
            target,
            outcome: Outcome { per_cpu_s, seconds: 1.0, ..Outcome::default() },
        };
        let signals = vec![
            signals("S1", Target::Raw, 120e3),
            signals("S1", Target::Sidetalk, 110e3),
            signals("S1", Target::OpenVidu, 100e3),
            signals("R3", Target::Raw, 1.0),
        ];
        let picture = draw(&Results { signals, ..Results::default() });
        assert_eq!(picture.matches("<rect class=\"bar\"").count(), 2);
        assert_eq!(picture.matches("<rect class=\"sidetalk\"").count(), 2);
        assert!(picture.contains(">120 k<"));
    }
}
