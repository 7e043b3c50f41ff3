// SPDX-License-Identifier: Apache-2.0
/// A grid of characters with a finer grid of dots inside: braille has two by four to a character.
struct TextPlot {
  /// A character of the grid: dots, or a character over them.
  private struct Spot {
    var dots: UInt32 = 0
    var symbol: Character?
    var color: TextStyle?
  }

  let columns: Int
  let rows: Int
  private var spots: [Spot]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    spots = [Spot](repeating: Spot(), count: columns * rows)
  }

  /// A line between two places in 0...1 by 0...1, from the lower left; `gap` dots are left out after each `dash`.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), color: TextStyle?, dash: Int = 1, gap: Int = 0
  ) {
    let (first, last) = (dot(start), dot(end))
    let steps = max(abs(last.x - first.x), abs(last.y - first.y), 1)
    for step in 0...steps where step % (dash + gap) < dash {
      let share = Double(step) / Double(steps)
      let x = Double(first.x) + share * Double(last.x - first.x)
      let y = Double(first.y) + share * Double(last.y - first.y)
      set(x: Int(x.rounded()), y: Int(y.rounded()), color)
    }
  }

  /// A character at a place; what was there goes.
  mutating func mark(_ place: (x: Double, y: Double), _ symbol: Character, color: TextStyle?) {
    let dot = dot(place)
    spots[(rows - 1 - dot.y / 4) * columns + dot.x / 2] = Spot(symbol: symbol, color: color)
  }

  /// A character across the whole grid wherever nothing else is.
  mutating func rule(_ y: Double, _ symbol: Character) {
    let row = rows - 1 - dot((0, y)).y / 4
    for column in 0..<columns where spots[row * columns + column].dots == 0 {
      if spots[row * columns + column].symbol == nil { spots[row * columns + column].symbol = symbol }
    }
  }

  /// One row, from the top.
  func row(_ row: Int, terminal: Terminal) -> String {
    spots[row * columns..<(row + 1) * columns].map { spot in
      let character = spot.symbol ?? braille(spot.dots, terminal)
      return spot.color.map { terminal.styled(String(character), $0) } ?? String(character)
    }.joined()
  }

  private func braille(_ dots: UInt32, _ terminal: Terminal) -> Character {
    if dots == 0 { return " " }
    guard terminal.hasUnicode, let scalar = Unicode.Scalar(0x2800 + dots) else { return "." }
    return Character(scalar)
  }

  private func dot(_ place: (x: Double, y: Double)) -> (x: Int, y: Int) {
    (Int((place.x * Double(2 * columns - 1)).rounded()), Int((place.y * Double(4 * rows - 1)).rounded()))
  }

  private mutating func set(x: Int, y: Int, _ color: TextStyle?) {
    let index = (rows - 1 - y / 4) * columns + x / 2
    // Bits of Unicode's braille patterns, from the bottom dot up, left then right.
    let bits: [[UInt32]] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]]
    spots[index].dots |= bits[x % 2][y % 4]
    spots[index].color = color
  }
}
