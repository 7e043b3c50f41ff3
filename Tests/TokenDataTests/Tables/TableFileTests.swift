// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct TableFileTests {
  /// A text, and what Python's csv module makes of it (Tests/Fixtures/tables/make.py).
  private struct Case: Decodable {
    struct Row: Decodable {
      var line: Int
      var cells: [String]?
    }
    var name: String
    var text: String
    var rows: [Row]
  }

  @Test func rowsAndCellsAreThoseOfPython() throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/tables/csv.json")
    let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: url.standardized))
    #expect(cases.count == 500)
    var rows = 0, refused = 0
    for (number, example) in cases.enumerated() {
      try withFile(example.text, name: example.name) { path in
        guard !example.rows.isEmpty else {
          expectRefusal("rows below the names") { _ = try TableFile(path) }
          return
        }
        let table = try TableFile(path)
        #expect(table.columns == ["x", "y"])
        for (index, row) in example.rows.enumerated() {
          #expect(table.lineNumber(index) == row.line, "case \(number)")
          if let cells = row.cells, cells.count == 2 {
            let read = try table.cells(index)
            #expect(read.map { Array($0.utf8) } == cells.map { Array($0.utf8) }, "case \(number)")
            rows += 1
          } else {
            expectRefusal(
              "\(path): line \(row.line)",
              row.cells.map { "expected 2 cells, one for each column, found \($0.count)" } ?? "quote"
            ) { _ = try table.cells(index) }
            refused += 1
          }
        }
        // Python ends at the first error.
        if example.rows.last?.cells != nil { #expect(table.count == example.rows.count, "case \(number)") }
      }
    }
    #expect(rows > 400)
    #expect(refused > 400)
  }

  @Test func cellsBecomeValuesThatKeepTheirText() throws {
    let text = "n,text,empty\n007,a,\n0.50,7x,\n1e3,-,\n-0,true,\n12345678901234567890,null,\n1e999,+5,\"\"\n"
    try withFile(text, name: "t.csv") { path in
      let table = try TableFile(path)
      func record(_ index: Int) throws -> JSONReader { try table.record(index) }
      #expect(try record(0).value == ["n": "007", "text": "a", "empty": nil])
      #expect(try record(1).value == ["n": 0.5, "text": "7x", "empty": nil])
      let written = try (0..<6).map { try record($0).at("n").text() }
      #expect(written == ["007", "0.50", "1e3", "-0", "12345678901234567890", "1e999"])
      #expect(try record(3).value == ["n": 0, "text": "true", "empty": nil])
      #expect(try record(5).value == ["n": "1e999", "text": "+5", "empty": nil])
    }
  }

  @Test(arguments: [
    ("t.csv", "a;b\n1,5;2\n", ["a", "b"]), ("t.csv", "a\tb,c\n1\t2,3\n", ["a", "b,c"]),
    ("t.csv", "a|b|c\n1|2|3\n", ["a", "b", "c"]), ("t.tsv", "a,b\n1,2\n", ["a,b"]),
    ("t.csv", "a\n\"1,2\"\n", ["a"]), ("t.csv", "\u{FEFF} a ,\"b\"\"c\"\r\n1,2", ["a", "b\"c"]),
    ("t.csv", ",x\n0,1\n", ["column 1", "x"]), ("T.CSV", "a,b;c\n1,2;3\n2,3\n", ["a", "b;c"]),
    ("t.tab", "a\t\"b\nc\"\n1\t2\n", ["a", "b\nc"]),
  ]) func columns(name: String, text: String, names: [String]) throws {
    try withFile(text, name: name) { path in
      let columns = try TableFile(path).columns
      #expect(columns == names)
    }
  }

  @Test func whatIsNoTableIsRefused() throws {
    func refuse(_ bytes: some Sequence<UInt8>, _ fragments: String, index: Int? = nil) throws {
      try withFile(bytes, name: "t.csv") { path in
        expectRefusal(path, fragments) {
          let table = try TableFile(path)
          if let index { _ = try table.record(index) }
        }
      }
    }
    try refuse("\n\n".utf8, "found empty lines only")
    try refuse("a,b\n".utf8, "expected rows below the names of the columns, found none")
    try refuse("a,b,a\n1,2,3\n".utf8, "line 1: expected each column's name once, found \"a\" again")
    try refuse("a,b\n1,2\n\n1,\"2\n".utf8, "line 4, cell 2: expected a quote that closes", index: 1)
    try refuse("a,b\n1,\"2\"3\n".utf8, "line 2, cell 2: expected the next cell behind a closing quote", index: 0)
    try refuse("a,b\n1,2,\n".utf8, "line 2: expected 2 cells, one for each column, found 3", index: 0)
    try refuse(Array("a,b\n1,caf".utf8) + [0xE9, 0x0A], "line 2, cell 2: expected text in UTF-8", index: 0)
    try refuse(Array("PAR1....".utf8), "Parquet")
    let utf16 = try #require("a,b\n1,2\n".data(using: .utf16))
    try refuse(utf16, "UTF-16")
  }

  /// Rows are found by where they begin, which is all that is kept of them.
  @Test func aMillionRowsInLittleMemory() throws {
    var text = "n,square\n"
    for n in 0..<1_000_000 { text += "\(n),\(n &* n)\n" }
    try withFile(text, name: "t.csv") { path in
      let before = try resident(), table = try TableFile(path)
      #expect(table.count == 1_000_000)
      for index in [0, 1, 499_999, 999_999] {
        #expect(table.lineNumber(index) == index + 2)
        #expect(try table.record(index).value == ["n": .int(index), "square": .int(index * index)])
      }
      // 21 MB of the file, which the system may take back, and 8 bytes a row.
      #expect(try resident() - before < 64 << 20)
    }
  }

  private func resident() throws -> Int {
    let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  @Test func aRowMayHave64MebibytesAndNoMore() throws {
    let cell = [UInt8](repeating: 0x61, count: 60 << 20)
    try withFile(Array("a,b\n1,".utf8) + cell + Array("\n2,3\n".utf8), name: "t.csv") { path in
      let table = try TableFile(path)
      #expect(try table.cells(0)[1].utf8.count == 60 << 20)
      #expect(try table.cells(1) == ["2", "3"])
    }
    // A quote that nothing closes takes the rest of the file.
    try withFile(Array("a,b\n1,\"".utf8) + cell + cell, name: "t.csv") { path in
      let table = try TableFile(path)
      expectRefusal("line 2: expected a row of at most 64 MiB", "Is a quote not closed?") { _ = try table.cells(0) }
    }
  }
}
