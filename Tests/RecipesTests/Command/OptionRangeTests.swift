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
      let lines = options.map { "$D \($0.words) --\($0.option)=\(value) --no-such-option 2>&1 | head -1; echo CODE" }
      let outcome = try lab.run(lines.joined(separator: "\n"), seconds: 300)
      #expect(outcome.code == 0)
      return outcome.output.components(separatedBy: "CODE\n").dropLast()
    }
    func names(_ words: String) -> Bool {
      words.contains("expected a whole number") || words.contains("expected a number")
    }
    let numeric = zip(options, try refusals(options, "nan")).filter { names($1) }.map(\.0)
    #expect(numeric.count >= 60, "\(numeric.count)")
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
