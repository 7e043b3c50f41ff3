// SPDX-License-Identifier: Apache-2.0
/// Colours and type of the charts: readable on light and dark pages, distinguishable without full colour vision.
///
/// Hues after Okabe and Ito (2008), moved until each has a contrast of at least 3 : 1 to its page; symbols tell the
/// series apart once more.
enum ChartStyle {
  /// How many colours and symbols there are; further series begin anew, in other pairs.
  static let paletteCount = 8

  private static let light = [
    "#0a62ad", "#c64600", "#00785c", "#9b3f97", "#946500", "#1f87c9", "#59636f", "#b3264a",
  ]
  private static let dark = [
    "#62b5f7", "#ff8f57", "#35c9a1", "#df90d8", "#e5b646", "#9dd3ff", "#aab4c0", "#ff7f9c",
  ]

  private static func palette(_ colors: [String]) -> String {
    colors.enumerated().map { "--d2-c\($0):\($1)" }.joined(separator: ";")
  }

  static let css = """
    .d2-chart{--d2-ink:#1b222c;--d2-muted:#59636f;--d2-grid:#e2e6eb;--d2-axis:#9aa3ae;--d2-surface:#fff;\(palette(light))}
    @media screen and (prefers-color-scheme:dark){\
    .d2-chart{--d2-ink:#e8ebef;--d2-muted:#a3acb8;--d2-grid:#2b323c;--d2-axis:#5d6773;--d2-surface:#161b22;\(palette(dark))}}
    .d2-chart{display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;\
    font-variant-numeric:tabular-nums}
    .d2-chart text{fill:var(--d2-muted)}
    .d2-chart .d2-title{fill:var(--d2-ink);font-size:14px;font-weight:650}
    .d2-chart .d2-name{fill:var(--d2-ink)}
    .d2-chart .d2-halo{paint-order:stroke;stroke:var(--d2-surface);stroke-width:4px;stroke-linejoin:round}
    .d2-chart .d2-back{fill:var(--d2-surface)}
    .d2-chart .d2-grid{stroke:var(--d2-grid);stroke-width:1;fill:none}
    .d2-chart .d2-axis{stroke:var(--d2-axis);stroke-width:1;fill:none}
    .d2-chart .d2-reference{stroke:var(--d2-muted);stroke-width:1.25;stroke-dasharray:2 3;fill:none}
    .d2-chart .d2-line{stroke:var(--c);stroke-width:2;fill:none;stroke-linejoin:round;stroke-linecap:round}
    .d2-chart .d2-dashed{stroke:var(--c);stroke-width:1.5;fill:none;stroke-dasharray:5 4;stroke-opacity:.85}
    .d2-chart .d2-faint{stroke:var(--c);stroke-width:1;fill:none;stroke-opacity:.4}
    .d2-chart .d2-band{fill:var(--c);fill-opacity:.13;stroke:none}
    .d2-chart .d2-whisker{stroke:var(--c);stroke-width:1.25;fill:none}
    .d2-chart .d2-symbol{fill:var(--c);stroke:var(--d2-surface);stroke-width:1}
    .d2-chart .d2-dot{fill:var(--c);fill-opacity:.55;stroke:none}
    .d2-chart .d2-bar{fill:var(--c)}
    .d2-chart .d2-error{stroke:var(--d2-ink);stroke-width:1.25;fill:none}
    .d2-chart .d2-bin{fill:var(--c);fill-opacity:.4;stroke:var(--c);stroke-width:.75}
    \((0..<paletteCount).map { ".d2-chart .d2-s\($0){--c:var(--d2-c\($0))}" }.joined(separator: "\n"))
    """

  /// The class that gives an element the colour `index`.
  static func colorClass(_ index: Int) -> String { "d2-s\(wrapped(index))" }

  private static func wrapped(_ index: Int) -> Int {
    ((index % paletteCount) + paletteCount) % paletteCount
  }

  /// The path of the symbol that goes with the colour `index`, centred on a point.
  static func symbol(_ index: Int, x: Double, y: Double, size r: Double = 4) -> String {
    func polygon(_ corners: [(Double, Double)]) -> String {
      "M" + corners.map { coordinates(x + $0.0 * r, y + $0.1 * r) }.joined(separator: "L") + "Z"
    }
    // Where colours begin anew symbols are others than the first time.
    switch wrapped(index + index / paletteCount) {
    case 1: return polygon([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])
    case 2: return polygon([(0, -1.15), (1.1, 0.85), (-1.1, 0.85)])
    case 3: return polygon([(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)])
    case 4: return polygon([(0, 1.15), (1.1, -0.85), (-1.1, -0.85)])
    case 5: return polygon([(-1.3, -0.7), (1.3, -0.7), (1.3, 0.7), (-1.3, 0.7)])
    case 6: return polygon([(-0.7, -1.3), (0.7, -1.3), (0.7, 1.3), (-0.7, 1.3)])
    case 7: return polygon([(0, -1.2), (1.15, -0.35), (0.7, 1), (-0.7, 1), (-1.15, -0.35)])
    default:
      let (left, radius) = (coordinates(x - r, y), coordinate(r))
      return
        "M\(left)a\(radius),\(radius) 0 1 0 \(coordinate(2 * r)),0a\(radius),\(radius) 0 1 0 \(coordinate(-2 * r)),0Z"
    }
  }
}
