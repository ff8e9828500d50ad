//! A picture of some lines, both axes logarithmic, as SVG.

use std::fmt::Write as _;

const PANEL_WIDTH: f64 = 460.0;
const PANEL_HEIGHT: f64 = 320.0;
/// Around the lines of a panel, for what stands at its axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 72.0;

/// One for each line, distinct for the colour-blind, too (Okabe and Ito).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// A part of the picture with axes of its own.
pub(crate) struct Panel {
    /// What grows to the right.
    pub(crate) x_axis: String,
    pub(crate) series: Vec<Series>,
}

/// A line.
pub(crate) struct Series {
    pub(crate) name: String,
    /// All above zero.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Powers of ten.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// One that holds all these, and is at least one power of ten long.
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .map(|value| value.max(1.0).log10())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 0.0) } else { (low.floor(), high.ceil()) };
        Self { low, high: high.max(low + 1.0) }
    }

    /// Where a value lies, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.max(1.0).log10() - self.low) / (self.high - self.low)
    }

    /// The powers themselves, each with its name.
    fn marks(&self) -> Vec<(f64, String)> {
        let mut marks = Vec::new();
        let mut power = self.low;
        while power <= self.high {
            let value = 10_f64.powf(power);
            let text =
                if power >= 6.0 { format!("{:.0} M", value / 1e6) } else { crate::results::thousands(value) };
            marks.push((value, text));
            power += 1.0;
        }
        marks
    }
}

/// The picture, panels side by side.
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let width = panels.iter().fold(0.0, |width, _| width + PANEL_WIDTH);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {PANEL_HEIGHT:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut left = 0.0;
    for panel in panels {
        let _ = writeln!(text, "<g transform=\"translate({left:.0} 0)\">");
        write_label(&mut text, PANEL_WIDTH / 2.0, 20.0, "middle", &format!("{title} by {}", panel.x_axis));
        write_panel(&mut text, panel);
        text.push_str("</g>\n");
        left += PANEL_WIDTH;
    }
    text.push_str("</svg>\n");
    text
}

fn write_panel(text: &mut String, panel: &Panel) {
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let across = Scale::around(points().map(|point| point.0));
    let up = Scale::around(points().map(|point| point.1));
    let x = |value: f64| LEFT + across.place(value) * (PANEL_WIDTH - LEFT - RIGHT);
    let y = |value: f64| PANEL_HEIGHT - BOTTOM - up.place(value) * (PANEL_HEIGHT - TOP - BOTTOM);
    let mut line = |from: (f64, f64), to: (f64, f64)| {
        let _ = writeln!(
            text,
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#ddd\"/>",
            from.0, from.1, to.0, to.1
        );
    };
    for (value, _) in across.marks() {
        line((x(value), TOP), (x(value), PANEL_HEIGHT - BOTTOM));
    }
    for (value, _) in up.marks() {
        line((LEFT, y(value)), (PANEL_WIDTH - RIGHT, y(value)));
    }
    for (value, name) in across.marks() {
        write_label(text, x(value), PANEL_HEIGHT - BOTTOM + 16.0, "middle", &name);
    }
    for (value, name) in up.marks() {
        write_label(text, LEFT - 6.0, y(value) + 4.0, "end", &name);
    }
    let mut legend = LEFT;
    for (series, colour) in panel.series.iter().zip(COLOURS.iter().cycle()) {
        let path: Vec<String> =
            series.points.iter().map(|point| format!("{:.1} {:.1}", x(point.0), y(point.1))).collect();
        let _ = writeln!(
            text,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        for point in &series.points {
            let _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(point.0),
                y(point.1)
            );
        }
        let bottom = PANEL_HEIGHT - 20.0;
        let _ = writeln!(
            text,
            "<rect x=\"{legend:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>",
            bottom - 9.0
        );
        write_label(text, legend + 16.0, bottom, "start", &series.name);
        legend += (PANEL_WIDTH - LEFT - RIGHT) / 3.0;
    }
}

fn write_label(text: &mut String, x: f64, y: f64, anchor: &str, label: &str) {
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#333\">{label}</text>"
    );
}
