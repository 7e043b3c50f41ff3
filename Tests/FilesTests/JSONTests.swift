// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

/// Against Python's json module: Tests/Fixtures/json/make.py.
@Suite struct JSONTests {
  struct Case: Sendable {
    let text: [UInt8]
    /// Nil where it must be refused.
    let meaning: String?
  }

  static let cases: [Case] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/json")
    let lines = try! String(contentsOf: folder.appending(path: "cases.txt"), encoding: .utf8).split(separator: "\n")
    return lines.map { line in
      let fields = line.split(separator: " ", omittingEmptySubsequences: false)
      return Case(
        text: bytes(fields[0]),
        meaning: fields[1] == "refused" ? nil : String(decoding: bytes(fields[1]), as: UTF8.self))
    }
  }()

  static func bytes(_ hex: Substring) -> [UInt8] {
    let digits = hex.utf8.map { UInt8(Character(Unicode.Scalar($0)).hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Every double as a string of its bits, as the fixture has it.
  static func withBits(_ value: JSON) -> JSON {
    switch value {
    case .double(let number):
      let hex = String(number.bitPattern, radix: 16)
      return .string("f64:" + String(repeating: "0", count: 16 - hex.count) + hex)
    case .array(let values): return .array(values.map(withBits))
    case .object(let object):
      var result = JSONObject()
      for (key, value) in object.members { result[key] = withBits(value) }
      return .object(result)
    default: return value
    }
  }

  @Test func readsWhatPythonReads() throws {
    #expect(Self.cases.count > 300)
    for item in Self.cases {
      let text = String(decoding: item.text, as: UTF8.self)
      let value = try? JSON(parsing: item.text, path: "case")
      let meaning = value.map { Self.withBits($0).text() }
      #expect(meaning.map { Array($0.utf8) } == item.meaning.map { Array($0.utf8) }, "\(text)")
    }
  }

  @Test func writtenTextReadsBackEqual() throws {
    for item in Self.cases where item.meaning != nil {
      let value = try JSON(parsing: item.text, path: "case")
      #expect(try JSON(parsing: value.text(), path: "compact") == value)
      #expect(try JSON(parsing: value.text(pretty: true), path: "pretty") == value)
    }
  }

  @Test func everyPrefixIsRefusedWithoutCrash() throws {
    let text = Array(#"{"a": [1, -2.5e3, "x\u00e9\n", true, null, {"b": {}}], "日": "\ud83d\ude00"}"#.utf8)
    #expect(throws: Never.self) { try JSON(parsing: text, path: "whole") }
    for count in text.indices {
      #expect(throws: InputError.self) { try JSON(parsing: Array(text[..<count]), path: "cut") }
    }
  }

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try JSON(parsing: nested(128), path: "deep") }
    #expect(throws: InputError.self) { try JSON(parsing: nested(129), path: "deep") }
    #expect(throws: InputError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000), path: "deep") }
    #expect(throws: InputError.self) {
      try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000), path: "deep")
    }
  }

  /// One line of many holds so many values and no more; a whole file holds what it holds.
  @Test func valuesOfALineAreCounted() throws {
    func parse(_ values: Int, line: Int?) throws -> JSON {
      // The list is a value as well.
      let text = Array("[0\(String(repeating: ",0", count: values - 2))]".utf8)
      return try text.withUnsafeBytes { try JSON(parsing: $0, path: "x", line: line) }
    }
    #expect(try parse(1 << 20, line: 3) == parse(1 << 20, line: nil))
    let error = #expect(throws: InputError.self) { try parse((1 << 20) + 1, line: 3) }
    #expect(error?.expected.contains("1048576 JSON values") == true)
    guard case .array(let all) = try parse((1 << 20) + 1, line: nil) else { throw CancellationError() }
    #expect(all.count == 1 << 20)
  }

  @Test func errorsSayWhere() throws {
    let error = #expect(throws: InputError.self) { try JSON(parsing: "{\n  \"a\": 1,\n  \"b\" 2\n}", path: "f.json") }
    #expect(error?.description == #"f.json: line 3, column 7: expected ":", found "2"."#)
    let cut = #expect(throws: InputError.self) { try JSON(parsing: "{\"a\": ", path: "f.json") }
    #expect(cut?.found == "the end of the file")
  }

  @Test func largeObjectsFindEveryKeyByItsBytes() throws {
    var object = JSONObject()
    for index in 0..<10_000 {
      let isNew = object.append("key\(index)", .int(index))
      #expect(isNew)
    }
    let isNew = object.append("key77", .null)
    #expect(!isNew)
    object["\u{E9}"] = .int(1)
    object["e\u{301}"] = .int(2)
    object["key9999"] = .bool(true)
    #expect(object["key5000"] == .int(5000))
    #expect(object["key9999"] == .bool(true))
    #expect(object["key10000"] == nil)
    #expect(object["\u{E9}"] == .int(1))
    #expect(object["e\u{301}"] == .int(2))
  }

  @Test func prettyText() {
    let value: JSON = ["a": [1, 2.5, nil], "b": [:], "c\n": "x\"\u{1}"]
    #expect(value.text() == #"{"a":[1,2.5,null],"b":{},"c\n":"x\"\u0001"}"#)
    #expect(
      value.text(pretty: true) == "{\n  \"a\": [\n    1,\n    2.5,\n    null\n  ],\n  \"b\": {},\n"
        + "  \"c\\n\": \"x\\\"\\u0001\"\n}")
  }

  @Test func readersNameTheKeyPath() throws {
    let json = JSONReader(try JSON(parsing: #"{"m": {"list": [1, {"x": "s"}], "n": null}}"#, path: "c"), path: "c")
    let list = try json.at("m").at("list").elements()
    #expect(try list[0].int() == 1 && list[0].double() == 1)
    #expect(try json.at("m").ifPresent("n") == nil && json.at("m").ifPresent("none") == nil)
    let wrong = #expect(throws: InputError.self) { try list[1].int(at: "x") }
    #expect(wrong?.description == #"c: key m.list[1].x: expected a whole number, found string "s"."#)
    let missing = #expect(throws: InputError.self) { try json.at("m").string(at: "y") }
    #expect(missing?.description == "c: key m.y: expected a value, found no such key.")
  }

  /// What is empty would look like nothing.
  @Test func emptyNamesAreShown() throws {
    let json = JSONReader(try JSON(parsing: #"{"": {"": 1}}"#, path: "c"), path: "c")
    let wrong = #expect(throws: InputError.self) { try json.at("").string(at: "") }
    #expect(wrong?.description == "c: key (no name).(no name): expected a string, found number 1.")
    let error = InputError(path: "t.csv", place: "column ", expected: "a name", found: "")
    #expect(error.description == "t.csv: column (no name): expected a name, found an empty text.")
  }

  @Test func smallObjectsAreShownWhole() throws {
    func summary(_ text: String) throws -> String { try JSON(parsing: text, path: "").summary }
    #expect(try summary(#"{"r": 8, "a": null}"#) == #"object {"r": 8, "a": null}"#)
    #expect(try summary("{}") == "object of 0")
    #expect(try summary(#"{"r": {}}"#) == "object of 1")
    #expect(try summary(#"{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}"#) == "object of 5")
    #expect(try summary("[null, 1]") == "array [null, 1]")
  }

  @Test(arguments: ["/nonexistent/file.json", "/", "/dev/null"])
  func filesThatAreNone(path: String) {
    #expect(throws: InputError.self) { try JSONReader(file: path) }
  }
}
