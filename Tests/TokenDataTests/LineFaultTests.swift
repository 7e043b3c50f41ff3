// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// Files that hold something else than lines of JSON are called by their names, with the way to make lines of them.
@Suite struct LineFaultTests {
  private func refusal(_ bytes: some Sequence<UInt8>, _ index: Int = 0) throws -> String {
    try withFile(bytes) { path in
      do throws(InputError) {
        _ = try JSONLFile(path).record(index)
        return "read"
      } catch { return String(error.description.dropFirst(path.count)) }
    }
  }

  private func refusal(_ text: String, _ index: Int = 0) throws -> String { try refusal(text.utf8, index) }

  @Test(arguments: [
    ("[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n", "a JSON array over several lines", "jq -c '.[]'"),
    ("[{\"a\": 1}, {\"a\": 2}]\n", "array of 2", "jq -c '.[]'"),
    ("{\n  \"a\": 1\n}\n", "an object over several lines", "jq -c ."),
    ("{\"messages\": [\n  {\"role\": \"user\"}]}\n", "an object over several lines", "jq -c ."),
    ("prompt,completion\na,4\n", "(CSV)", "pandas.read_csv(FILE)"),
    ("\"prompt\",\"completion\"\n\"a\",4\n", "(CSV)", "pandas.read_csv(FILE)"),
    ("prompt;completion\na;4\n", "(CSV)", "sep=\";\""), ("prompt\tcompletion\na\t4\n", "(TSV)", "sep=\"\\t\""),
    ("<html>\n", "HTML or XML", "one JSON object on each line"),
    ("a b c\n", "other text", "one JSON object on each line"),
    ("{'prompt': 'a'}\n", "'", "json.dumps"), ("{\"a\": True}\n", "True", "json.dumps"),
    ("{\"a\": NaN}\n", "NaN", "JSON has no such number"),
    ("{\"a\": -Infinity}\n", "-Infinity", "JSON has no such number"),
    ("{\"a\": [Infinity]}\n", "Infinity", "JSON has no such number"), ("{“a”: 1}\n", "“", "straight double quotes"),
    ("{\"a\": 1,}\n", "}", "Leave out the last comma"), ("{\"a\": [1,]}\n", "]", "Leave out the last comma"),
  ]) func textOfAnotherKind(text: String, found: String, remedy: String) throws {
    let message = try refusal(text)
    #expect(message.contains("line 1"), "\(message)")
    #expect(message.contains(found), "\(message)")
    #expect(message.contains(remedy), "\(message)")
    #expect(!message.contains("cut off"), "\(message)")
  }

  /// A line that is cut off is that, whatever follows.
  @Test func cutOffLines() throws {
    #expect(try refusal("{\"a\": 1, \"b\": \"x\n{\"a\": 2}\n").contains("character or a closing quote"))
    #expect(try refusal("{\"a\": 1,\n{\"a\": 2}\n").contains("Is it cut off?"))
    #expect(try refusal("{\"a\": 1}\n{\"a\": ", 1).contains("Is it cut off?"))
  }

  @Test func encodings() throws {
    let line = "{\"prompt\": \"é\", \"completion\": \"4\"}\n"
    for encoding in [String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32] {
      let bytes = try #require(line.data(using: encoding))
      let message = try refusal(bytes)
      #expect(message.contains("found text in UTF-"), "\(message)")
      #expect(message.contains("iconv -f UTF-"), "\(message)")
    }
    #expect(try refusal([0xEF, 0xBB, 0xBF] as [UInt8] + Array(line.utf8)) == "read")
  }

  @Test(arguments: [
    ("PAR1....", "Parquet"), ("ARROW1..", "Arrow"), ("PK\u{3}\u{4}....", "ZIP"),
    ("PK\u{3}\u{4}....[Content_Types].xml", "a spreadsheet"), ("BZh91AY", "bzip2"),
    ("GGUF\u{3}", "GGUF"), ("SQLite format 3\u{0}", "SQLite"), ("ab\u{0}\u{1}\u{2}", "binary"),
  ]) func filesOfOtherKinds(bytes: String, name: String) throws {
    let message = try refusal(bytes)
    #expect(message.contains("expected a JSON object on each line, found"), "\(message)")
    #expect(message.contains(name), "\(message)")
  }

  @Test func picklesAreNamedAndNotOpened() throws {
    #expect(try refusal([0x80, 0x04, 0x95, 0x00] as [UInt8]).contains("a Python pickle"))
    // As a stream has it, where U+FFFD stands for what is no UTF-8.
    let kind = Array("\u{FFFD}\u{4}\u{FFFD}\u{0}".utf8).withUnsafeBytes { FileKind($0) }
    #expect(kind?.name == "a Python pickle")
  }
}
