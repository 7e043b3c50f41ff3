// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

/// Every option that takes a number, of every command: as ArgumentParser lists them, so that a new one is tested too.
@Suite(.enabled(if: dist2Program != nil, "dist2 has not been built beside the tests"))
struct OptionRangeTests {
  private struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable { var kind: String, name: String }
      var kind: String
      var names: [Name]?
      var long: String? { kind == "option" ? names?.first { $0.kind == "long" }?.name : nil }
    }
    var commandName: String
    var arguments: [Argument]?
    var subcommands: [Command]?

    /// Words and option of each option below.
    func options(_ words: [String] = []) -> [(words: String, option: String)] {
      (arguments ?? []).compactMap(\.long).map { (words.joined(separator: " "), $0) }
        + (subcommands ?? []).flatMap { $0.commandName == "help" ? [] : $0.options(words + [$0.commandName]) }
    }
  }
  private struct Dump: Decodable { var command: Command }

  @Test func numbersOutOfRangeAreWrongUsage() throws {
    let lab = try CommandLab(model: false)
    let dump = try lab.run("$D --experimental-dump-help")
    let options = try JSONDecoder().decode(Dump.self, from: Data(dump.output.utf8)).command.options()
    #expect(options.count > 100)
    // An option that nobody knows ends each command before it does anything.
    func refusals(_ options: [(words: String, option: String)], _ value: String) throws -> [String] {
      let lines = options.map { "\($0.words) --\($0.option)=\(value) --no-such-option\n" }
      try lab.write("lines.txt", lines.joined())
      let outcome = try lab.run("DIST2_PARSE_ONLY=1 $D < lines.txt")
      #expect(outcome.code == 0)
      let answers = outcome.output.components(separatedBy: "\n").dropLast()
      try #require(answers.count == options.count)
      return Array(answers)
    }
    func names(_ words: String) -> Bool {
      words.contains("expected a whole number") || words.contains("expected a number")
    }
    let numeric = zip(options, try refusals(options, "nan")).filter { names($1) }.map(\.0)
    #expect(numeric.count >= 60, "\(numeric.count)")
    // A process of its own comes to the same words.
    let (first, words) = (numeric[0], try refusals([numeric[0]], "nan")[0])
    let alone = try lab.run("$D \(first.words) --\(first.option)=nan --no-such-option 2>&1 | head -1")
    #expect(alone.output == words + "\n")
    for value in ["-1", "9223372036854775807"] {
      for (option, words) in zip(numeric, try refusals(numeric, value)) {
        // A seed may be any number, a guidance below 0; everything else says its range.
        let isRefused = names(words) && words.contains(option.option)
        let goesOn = words.contains("no-such-option") || words.contains("Missing expected argument")
        let isTaken = goesOn && (option.option.hasSuffix("seed") || option.option == "guidance")
        #expect(isRefused || isTaken, "\(option.words) --\(option.option)=\(value): \(words)")
      }
    }
  }
}
