// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

@Suite struct ColumnTemplateTests {
  private let table = "carat,cut,price\n0.230,Ideal,326\n0.21,\"Very, good\",1e3\n,Fair,7\n1,Fair,\n2,Fair,x\n"

  private func contents(_ prompt: String, _ completion: String, needsAnswer: Bool = true, text: String? = nil) throws
    -> [Result<Record.Content, InputError>]
  {
    let template = try ColumnTemplate(prompt: prompt, completion: completion)
    let reader = RecordReader(template: template, needsAnswer: needsAnswer)
    return try withFile(text ?? table, name: "t.csv") { path in
      let files = try DataFiles(path)
      return (0..<files.count).map { index in
        Result { () throws(InputError) in try reader.record(files, index).content }
      }
    }
  }

  @Test func rowsAreWrittenIntoText() throws {
    let read = try contents("A {carat} carat {cut} diamond {{a}}. Price: ", "{price:05}")
    #expect(try read[0].get() == .promptCompletion("A 0.230 carat Ideal diamond {a}. Price: ", "00326"))
    #expect(try read[1].get() == .promptCompletion("A 0.21 carat Very, good diamond {a}. Price: ", "01000"))
    expectRefusal("line 4, key carat: expected a value, found none", "data.skipBad: true") { _ = try read[2].get() }
    expectRefusal("line 5, key price: expected a value") { _ = try read[3].get() }
    expectRefusal("line 6, key price: expected a number, to be written as {price:05}, found \"x\"") {
      _ = try read[4].get()
    }
    // To be asked, the answer's column may be empty.
    let asked = try contents("{cut}", "{price}", needsAnswer: false)
    #expect(try asked[3].get() == .promptCompletion("Fair", nil))
  }

  @Test func unknownColumnsAreNamedWithThoseThereAre() throws {
    let read = try contents("{Carat}: ", "{price}")
    expectRefusal("t.csv: line 2: expected a column \"Carat\"", "found carat, cut, price", "Is {carat} meant?") {
      _ = try read[0].get()
    }
  }

  @Test func namesMayHoldColonsAndSpaces() throws {
    let read = try contents("{a:b c} {a:b c:.1f}", "{y}", text: "a:b c,y\n2.25,1\n")
    #expect(try read[0].get() == .promptCompletion("2.25 2.2", "1"))
  }

  @Test(arguments: [
    ("{a", "x{y}", "{ without }"), ("a}", "x{y}", "} without {"), ("{a{b}}", "{y}", "{ without }"),
    ("{}", "{y}", "{}"), ("a", "b", "text alone"), ("a", "{{y}}", "text alone"),
  ]) func templatesThatMeanNothingAreRefused(prompt: String, completion: String, found: String) {
    do {
      _ = try ColumnTemplate(prompt: prompt, completion: completion)
      Issue.record("nothing was thrown")
    } catch { #expect(error.found == found) }
  }

  @Test(
    arguments: [
      ("12", 12), ("-0.50", -0.5), ("+3", 3), (" 7\t", 7), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("2.5E-1", 0.25),
      ("007", 7), ("1e400", .infinity), ("", nil), (".", nil), ("e5", nil), ("1e", nil), ("1e12345", nil),
      ("1e401", nil),
      ("--1", nil), ("1.2.3", nil), ("0x1p3", nil), ("nan", nil), ("٣", nil), ("5\u{301}", nil), ("1 000", nil),
    ] as [(String, Double?)]) func numbersAreRead(text: String, value: Double?)
  {
    #expect(DecimalNumber(text)?.value == value)
  }

  /// A table of 3,000 columns has as many numbers in each row.
  @Test func numbersAreReadInMicroseconds() {
    func seconds() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
    let start = seconds()
    let sum = (0..<20_000).reduce(0.0) { sum, index in sum + (DecimalNumber("\(index).25")?.value ?? .nan) }
    #expect(sum == 199_990_000 + 5000)
    // A regular expression takes 3 s and more.
    #expect(seconds() - start < 1)
  }

  /// As Python's decimal module writes them (Tests/Fixtures/tables/make.py).
  @Test func numbersAreWrittenAsPythonWritesThem() throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/tables/decimal.json")
    let cases = try JSONDecoder().decode([[String]].self, from: Data(contentsOf: url.standardized))
    #expect(cases.count > 600)
    for example in cases {
      let form = try #require(NumberForm(example[1])), written = form.write(example[0])
      #expect(written == example[2], "\(example[0]) as \(example[1])")
      #expect(form.text == example[1])
    }
    for text in ["", "5", ".2", "x", "05d", "+05", "0100", ".99f"] { #expect(NumberForm(text) == nil, "\(text)") }
    for text in ["", ".", "-", "1,5", "0x1", "nan", "1e", "1e9999", "1 2"] {
      #expect(NumberForm("05")?.write(text) == nil, "\(text)")
    }
  }

  // MARK: Other names

  private func record(_ json: String, needsAnswer: Bool = true) throws -> Record {
    try withFile(json) { path in try RecordReader(needsAnswer: needsAnswer).record(DataFiles(path), 0) }
  }

  @Test func alpacaIsAConversationOfOneQuestion() throws {
    let plain = try record(#"[{"instruction": "Add.", "input": "", "output": 15}]"#)
    #expect(plain.content == .messages([ChatMessage(.user, "Add."), ChatMessage(.assistant, "15")]))
    let whole = try record(#"{"system": "Be brief.", "instruction": "Add.", "input": "7, 8", "output": "15"}"#)
    #expect(
      whole.content
        == .messages([
          ChatMessage(.system, "Be brief."), ChatMessage(.user, "Add.\n\n7, 8"), ChatMessage(.assistant, "15"),
        ]))
    let asked = try record(#"{"instruction": "Add.", "input": "7, 8"}"#, needsAnswer: false)
    #expect(asked.content == .messages([ChatMessage(.user, "Add.\n\n7, 8")]))
    #expect(throws: InputError.self) { _ = try record(#"{"instruction": "Add.", "output": " "}"#) }
    #expect(throws: InputError.self) { _ = try record(#"{"instruction": "Add."}"#) }
  }

  @Test func shareGPTIsAConversation() throws {
    let read = try record(
      #"[{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "7 + 8?"}, {"from": "gpt", "value": "15"}]}]"#
    )
    #expect(
      read.content
        == .messages([ChatMessage(.system, "s"), ChatMessage(.user, "7 + 8?"), ChatMessage(.assistant, "15")]))
  }
}
