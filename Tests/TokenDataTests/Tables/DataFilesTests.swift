// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// Several files, patterns, and arrays of JSON.
@Suite struct DataFilesTests {
  /// Calls `body` in a folder with these files.
  private func withFolder<R>(_ files: [String: String], _ body: (String) throws -> R) throws -> R {
    try withFile("", name: ".folder") { path in
      let folder = URL(filePath: path).deletingLastPathComponent().path
      for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
      return try body(folder)
    }
  }

  private func values(_ source: DataSource) throws -> [[String]] {
    let files = try DataFiles(source)
    return try (0..<files.count).map { [files.name($0), try files.record($0).at("n").text()] }
  }

  private let three = [
    "b.jsonl": "{\"n\": 1}\n\n{\"n\": 2}\n", "a.csv": "n\n3\n4\n", "c-10.json": "[{\"n\": 5},\n {\"n\": 6}\n]\n",
    "c-9.json": "{\"n\": 7}\n", "other.txt": "no",
  ]

  @Test func filesFollowOneAnotherInAnOrderThatIsAlwaysTheSame() throws {
    try withFolder(three) { folder in
      #expect(
        try values(DataSource(["\(folder)/b.jsonl", "\(folder)/a.csv"])) == [
          ["b.jsonl line 1", "1"], ["b.jsonl line 3", "2"], ["a.csv line 2", "3"], ["a.csv line 3", "4"],
        ])
      // By bytes: 1 comes before 9.
      #expect(
        try values(DataSource("\(folder)/c-*.json")) == [
          ["c-10.json line 1", "5"], ["c-10.json line 2", "6"], ["c-9.json line 1", "7"],
        ])
      #expect(try values(DataSource("\(folder)/[ab].*")).map { $0[1] } == ["3", "4", "1", "2"])
      let files = try DataFiles(DataSource(["\(folder)/c-9.json", "\(folder)/a.csv"]))
      #expect(files.columns == nil)
      #expect(files.folder(of: 2) == folder)
      #expect(files.path == "\(folder)/c-9.json and 1 more")
      let turned = try DataFiles(DataSource(["\(folder)/a.csv", "\(folder)/c-9.json"]))
      #expect(files.fingerprint() != turned.fingerprint())
      // A single file's is what it was before there were several.
      #expect(
        try DataFiles("\(folder)/b.jsonl").fingerprint() == JSONLFile("\(folder)/b.jsonl").fingerprint())
    }
  }

  @Test func patternsThatMeanNothingAreRefused() throws {
    try withFolder(three) { folder in
      expectRefusal("\(folder)/x*.csv: expected files of this pattern, found none") {
        _ = try DataFiles("\(folder)/x*.csv")
      }
      expectRefusal("a.csv: expected each file once, found it twice") {
        _ = try DataFiles(DataSource(["\(folder)/a.csv", "\(folder)/*.csv"]))
      }
      expectRefusal("\(folder)/gone.csv") { _ = try DataFiles(DataSource(["\(folder)/a.csv", "\(folder)/gone.csv"])) }
    }
    // A name may hold such characters itself.
    try withFolder(["a[1].csv": "n\n3\n"]) { folder in
      let found = try values(DataSource("\(folder)/a[1].csv"))
      #expect(found == [["a[1].csv line 2", "3"]])
    }
  }

  @Test func errorsNameTheFileAndItsLine() throws {
    let files = ["a.csv": "prompt,completion\np,1\n", "b.csv": "prompt,completion\np,2\n\np,\n"]
    try withFolder(files) { folder in
      let rules = Dataset.Rules(reader: RecordReader(), encoder: try digitEncoder("smollm2"), maxLength: 100)
      let source = DataSource("\(folder)/*.csv")
      expectRefusal("\(folder)/b.csv: line 4, key completion: expected a string, found null") {
        _ = try Dataset(source, rules)
      }
      var lenient = rules
      lenient.skipBad = true
      let dataset = try Dataset(source, lenient)
      #expect(dataset.count == 2)
      #expect(dataset.summary.skipped.map(\.reason).first?.contains("b.csv: line 4") == true)
      #expect(try dataset.record(1).content == .promptCompletion("p", "2"))
    }
  }

  @Test func compressedTablesAndArrays() throws {
    for (name, text) in [("t.csv", "n\n7\n"), ("t.json", "[{\"n\": 7}]")] {
      try withFolder([name: text]) { folder in
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "\(folder)/\(name)"]
        try process.run()
        process.waitUntilExit()
        #expect(try values(DataSource("\(folder)/\(name).gz")).map { $0[1] } == ["7"])
      }
    }
  }

  // MARK: Arrays

  @Test func elementsAreThoseOfTheArray() throws {
    let text =
      "\u{FEFF} [ {\"n\": 0.50, \"s\": \"a]}, \\\"{[\"},\n\n{\"n\": 2, \"t\": [[1], {\"u\": {}}]} , {\"n\": 3}]\n\n"
    try withFile(text, name: "a.json") { path in
      let file = try JSONArrayFile(path)
      #expect(file.count == 3)
      #expect((0..<3).map { file.place($0) } == ["element 1", "element 2", "element 3"])
      #expect((0..<3).map { file.lineNumber($0) } == [1, 3, 3])
      #expect(try (0..<3).map { try file.record($0).at("n").text() } == ["0.50", "2", "3"])
      #expect(try file.record(0).string(at: "s") == "a]}, \"{[")
    }
    let pretty = "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": 2\n  }\n]\n"
    try withFile(pretty, name: "a.json") { path in
      let file = try JSONArrayFile(path)
      #expect((0..<2).map { file.place($0) } == ["line 2", "line 5"])
      #expect(try (0..<2).map { try file.record($0).int(at: "n") } == [1, 2])
    }
  }

  @Test(arguments: [
    ("[", "the end of the file"), ("[]", "an empty array"), ("[{\"a\": 1}", "the end of the file"),
    ("[{\"a\": 1},]", "Leave out the last comma"), ("[,{}]", "line 1: expected an object"),
    ("[{}] x", "expected the end of the file behind the array"), ("[{\"a\": \"x}]", "the end of the file"),
    ("[\n{\"a\": \n", "line 3: expected the bracket that closes the array"),
  ]) func brokenArraysAreRefused(text: String, found: String) throws {
    try withFile(text, name: "a.json") { path in expectRefusal(path, found) { _ = try DataFiles(path) } }
  }

  @Test func elementsThatAreNoObjectsAreRefused() throws {
    // Brackets that do not match are a matter of their element.
    try withFile("[{]}, {\"a\": 1}]", name: "a.json") { path in
      let files = try DataFiles(path)
      #expect(files.count == 2)
      expectRefusal("line 1, column 2") { _ = try files.record(0) }
      #expect(try files.record(1).value == ["a": 1])
    }
    try withFile("[{\"a\": 1}, 7,\n{\"a\": }, {\"a\": 1, \"a\": 2}]", name: "a.json") { path in
      let files = try DataFiles(path)
      #expect(files.count == 4)
      expectRefusal("element 2: expected a JSON object, found number 7") { _ = try files.record(1) }
      expectRefusal("line 2, column 7") { _ = try files.record(2) }
      expectRefusal("line 2", "each key once") { _ = try files.record(3) }
      expectRefusal("element 1, key completion") {
        _ = try RecordReader().record(JSONReaderFile(files, adding: "prompt"), 0)
      }
    }
  }

  /// An entry with one more field.
  private struct JSONReaderFile: RecordFile {
    let files: DataFiles
    let field: String
    init(_ files: DataFiles, adding field: String) { (self.files, self.field) = (files, field) }
    var path: String { files.path }
    var size: Int { files.size }
    var count: Int { files.count }
    func lineNumber(_ index: Int) -> Int { files.lineNumber(index) }
    func place(_ index: Int) -> String { files.place(index) }
    func fingerprint() -> UInt64 { files.fingerprint() }
    func record(_ index: Int) throws(InputError) -> JSONReader {
      var object = try files.record(index).object()
      object[field] = "p"
      return JSONReader(.object(object), path: path)
    }
  }
}
