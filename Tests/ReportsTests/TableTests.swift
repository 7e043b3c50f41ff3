// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
import Testing

extension Terminal {
  /// A terminal that shows nothing.
  static func test(
    columns: Int = 80, color: Bool = false, unicode: Bool = true, interactive: Bool = false
  ) -> Terminal {
    Terminal(
      isInteractive: interactive, hasColor: color, hasUnicode: unicode, size: { Size(columns: columns, rows: 24) },
      write: { _ in })
  }
}

@Suite struct TableTests {
  static let table: Table = {
    var table = Table(
      "Error", columns: [.init("N"), .init("MAE", group: "sft"), .init("MAE", group: "dist"), .init("remark")],
      notes: ["five seeds"])
    table.add([.count(1), .mean([0.2, 0.3]), .mean(0.21, spread: nil), "ok"])
    table.add([.count(10), .missing, .mean(0.092, spread: 0.017), "a | b"])
    table.add([.count(1000), .mean(.nan, spread: .infinity), .mean([0.1]), "x\ny"])
    table.emphasizeBest(.lowest, across: [1, 2])
    return table
  }()

  @Test func box() {
    #expect(
      Self.table.text(terminal: .test()) == """
        Error
        ╭───────┬───────────────┬────────────────┬────────╮
        │       │      sft      │      dist      │        │
        │     N │           MAE │            MAE │ remark │
        ├───────┼───────────────┼────────────────┼────────┤
        │     1 │ 0.250 ± 0.071 │         0.210* │ ok     │
        │    10 │             – │ 0.092 ± 0.017  │ a | b  │
        │ 1,000 │       NaN ± ∞ │         0.100  │ x y    │
        ╰───────┴───────────────┴────────────────┴────────╯
        five seeds

        """)
  }

  @Test func plainWithoutUnicode() {
    #expect(
      Self.table.text(style: .plain, terminal: .test(unicode: false)) == """
        Error
                    sft             dist
            N             MAE              MAE  remark
        -----  --------------  ---------------  ------
            1  0.250 +- 0.071           0.210*  ok
           10               -  0.092 +- 0.017   a | b
        1,000      NaN +- inf           0.100   x y
        five seeds

        """)
  }

  @Test func boxWithoutUnicode() {
    var table = Table(columns: [.init("a"), .init("b", alignment: .center)])
    table.add(["x", "wide"])
    #expect(
      table.text(terminal: .test(unicode: false)) == """
        +---+------+
        | a |  b   |
        +---+------+
        | x | wide |
        +---+------+

        """)
  }

  @Test func colorMarksTheBestAndTitles() {
    var table = Table(columns: [.init("a")])
    table.add([.number(1, decimals: 0)])
    table.add([.number(2, decimals: 0)])
    table.emphasizeBest(.highest, in: 0)
    let lines = table.text(style: .plain, terminal: .test(color: true)).split(separator: "\n")
    #expect(lines == ["\u{1B}[1ma\u{1B}[0m", "-", "1", "\u{1B}[1;32m2\u{1B}[0m"])
  }

  @Test func markdown() {
    #expect(
      Self.table.markdown == """
        **Error**

        | N | sft MAE | dist MAE | remark |
        | --: | --: | --: | :-- |
        | 1 | 0.250 ± 0.071 | **0.210** | ok |
        | 10 | – | 0.092 ± 0.017 | a \\| b |
        | 1,000 | NaN ± ∞ | 0.100 | x y |

        five seeds

        """)
  }

  @Test func csv() {
    #expect(
      Self.table.csv
        == """
        N,sft MAE,sft MAE std,dist MAE,dist MAE std,remark\r
        1,0.25,0.0707106781186548,0.21,,ok\r
        10,,,0.092,0.017,a | b\r
        1000,nan,inf,0.1,,"x\ny"\r

        """.replacing("0.0707106781186548", with: "\(Measurements([0.2, 0.3]).standardDeviation)"))
    var table = Table(columns: [.init("a, \"b\""), .init("size")])
    table.add([.interval(1, ConfidenceInterval(low: 0.5, high: 2)), .bytes(2048)])
    #expect(table.csv == "\"a, \"\"b\"\"\",\"a, \"\"b\"\" low\",\"a, \"\"b\"\" high\",size\r\n1.0,0.5,2.0,2048\r\n")
  }

  @Test func json() {
    var table = Table("t", columns: [.init("N"), .init("a"), .init("a", group: "g"), .init("a")], notes: ["n"])
    table.add([.count(3), .mean(0.5, spread: 0.25), .interval(.nan, ConfidenceInterval(low: 0, high: 1)), "x"])
    table.add([.bytes(7), .missing, .number(2, decimals: 0), .percent(0.5)])
    let a: JSON = ["mean": 0.5, "std": 0.25]
    let b: JSON = ["mean": nil, "low": 0.0, "high": 1.0]
    #expect(
      table.json == [
        "caption": "t",
        "rows": [
          ["N": 3, "a": a, "g a": b, "a 2": "x"], ["N": 7, "a": nil, "g a": 2.0, "a 2": 0.5],
        ], "notes": ["n"],
      ])
  }

  @Test func equalAsPrintedShareTheMark() {
    var table = Table(columns: [.init("a"), .init("b"), .init("c")])
    table.add([.number(0.1131), .number(0.1128), .number(0.2)])
    table.add([.missing, .number(0.1), .text("x")])
    table.emphasizeBest(.lowest, across: [0, 1, 2])
    #expect(table.rows[0].map(\.isEmphasized) == [true, true, false])
    // One value alone is not the best of anything.
    #expect(table.rows[1].map(\.isEmphasized) == [false, false, false])
  }

  @Test func wideCharactersKeepColumnsStraight() {
    var table = Table(columns: [.init("text"), .init("n")])
    for text in ["日本語", "e\u{301}a", "👩‍👩‍👧", "한글", "ﬀ", "a\u{200B}b", "❤️"] { table.add([.text(text), .count(1)]) }
    #expect(
      table.text(terminal: .test()) == """
        ╭────────┬───╮
        │ text   │ n │
        ├────────┼───┤
        │ 日本語 │ 1 │
        │ e\u{301}a     │ 1 │
        │ 👩‍👩‍👧     │ 1 │
        │ 한글   │ 1 │
        │ ﬀ      │ 1 │
        │ a\u{200B}b     │ 1 │
        │ ❤️     │ 1 │
        ╰────────┴───╯

        """)
  }

  @Test func dataCannotSteerTheTerminal() {
    var table = Table("a\u{1B}[2Jb", columns: [.init("\u{7}title")])
    table.add(["\u{1B}]0;x\u{7}\r\ny\u{9B}1m"])
    let text = table.text(terminal: .test())
    #expect(!text.unicodeScalars.contains { $0 != "\n" && ($0.value < 32 || (0x7F..<0xA0).contains($0.value)) })
    #expect(text.split(separator: "\n").count == 6)
  }

  @Test func longTextTakesSeveralLinesAndNumbersAreWhole() {
    var table = Table(columns: [.init("name"), .init("value")])
    table.add(["coverage of the 90 % interval", .number(0.123456, decimals: 6)])
    table.add([.text(String(repeating: "y", count: 30)), .number(1, decimals: 0)])
    #expect(
      table.text(terminal: .test(columns: 31)) == """
        ╭──────────────────┬──────────╮
        │ name             │    value │
        ├──────────────────┼──────────┤
        │ coverage of the  │ 0.123456 │
        │ 90 % interval    │          │
        │ yyyyyyyyyyyyyyyy │        1 │
        │ yyyyyyyyyyyyyy   │          │
        ╰──────────────────┴──────────╯

        """)
    // An answer of a page is cut, and says so.
    table.add([.text(String(repeating: "long ", count: 60)), .number(2, decimals: 0)])
    let lines = table.text(terminal: .test(columns: 31)).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count == 31 })
    #expect(lines.count == 12 && lines[10].contains("long long long…"), "\(lines)")
  }

  @Test func emptyColumnsAreTakenAway() {
    var table = Table(columns: [.init("a"), .init("b"), .init("c"), .init("d")])
    table.add([.missing, .missing, .count(1), "x"])
    table.add([.missing, .missing, .missing, "y"])
    table.dropEmptyColumns()
    #expect(table.columns.map(\.title) == ["a", "c", "d"])
    #expect(table.rows.map { $0.map(\.text) } == [["–", "1", "x"], ["–", "–", "y"]])
    table.add(.init("e"), [.count(2), .count(3)])
    #expect(table.rows.map { $0.map(\.text) } == [["–", "1", "x", "2"], ["–", "–", "y", "3"]])
  }

  @Test func headingsAreBrokenBeforeColumnsMove() {
    var table = Table(
      columns: [.init("objective"), .init("coverage of the 90 % interval"), .init("MAE of read-out")])
    table.add(["dist", .number(0.91, decimals: 2), .number(12, decimals: 1)])
    #expect(
      table.text(style: .plain, terminal: .test(columns: 44)) == """
                    coverage of
                       the 90 %        MAE of
        objective      interval      read-out
        ---------  ------------  ------------
        dist               0.91          12.0

        """)
    let text = table.text(style: .plain, terminal: .test(columns: 44))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 44 } && !text.contains("…"), "\(text)")
    #expect(text.matches(of: /objective/).count == 1, "\(text)")
  }

  /// Where lines are drawn they end between words; who reads a pipe finds a sentence on one line.
  @Test func notesFitATerminalAndStayWholeInAPipe() {
    let sentence =
      "Distributions hold less than all of the models' belief, on average: sft 92 %, dist 95 %, valueDrawn 99 %."
    var table = Table(sentence, columns: [.init("a")], notes: [sentence])
    table.add(["x"])
    let shown = table.text(terminal: .test(columns: 40, interactive: true)).split(separator: "\n").map(String.init)
    #expect(shown.allSatisfy { $0.count <= 40 }, "\(shown)")
    #expect(shown.suffix(3).joined(separator: " ") == sentence)
    #expect(table.text(terminal: .test(columns: 40)).contains(sentence + "\n"))
    let terminal = Terminal.test(columns: 40, interactive: true)
    #expect(
      terminal.prose("one two three four five six seven eight", indent: 10) == """
        one two three four five six
                  seven eight
        """)
  }

  @Test(arguments: [10, 24, 40, 60, 100])
  func columnsThatDoNotFitMoveToFurtherBlocks(_ width: Int) {
    var table = Table(
      columns: [.init("N")] + (0..<4).flatMap { [.init("MAE", group: "g\($0)"), .init("RMSE", group: "g\($0)")] })
    table.add([.count(1)] + (0..<8).map { .number(Double($0), decimals: 2) })
    let text = table.text(terminal: .test(columns: width))
    for value in 0..<8 { #expect(text.contains("\(value).00")) }
    let blocks = text.split(separator: "\n\n")
    #expect(blocks.allSatisfy { $0.contains("N │") })
    // Narrower than two columns, nothing can be done.
    if width >= 24 { #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }) }
    if width >= 40 { #expect(blocks.allSatisfy { $0.matches(of: /MAE/).count == $0.matches(of: /RMSE/).count }) }
  }

  @Test func emptyTables() {
    let table = Table(columns: [.init("only heading")])
    #expect(table.text(terminal: .test()).contains("only heading"))
    #expect(table.csv == "only heading\r\n")
    #expect(table.markdown.contains("| only heading |"))
    #expect(table.html.contains("<tbody>"))
  }
}
