// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files

extension Dist2 {
  /// What is said of wrong usage that a sub-command finds while it runs: as ArgumentParser says what it finds itself, with
  /// the usage of that sub-command. (Its own `fullMessage(for:)` knows only the type it is asked of.)
  static func words(_ error: ValidationError, of command: any ParsableCommand.Type) -> String {
    let usage = usageString(for: command).split(separator: "\n").joined(separator: "\n       ")
    let name = names(of: command)?.joined(separator: " ") ?? "dist2"
    return wrappingUsage("Error: \(error.message)\nUsage: \(usage)\n  See '\(name) --help' for more information.")
  }

  /// Help or a message of ArgumentParser with its line of usage broken between options: it wraps everything else.
  static func wrappingUsage(_ text: String, width: Int = 80) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line -> [String] in
      guard line.lowercased().hasPrefix("usage: "), line.count > width else { return [String(line)] }
      let indent = String(repeating: " ", count: "Usage: ".count)
      return optionsApart(line).reduce(into: [String]()) { lines, option in
        if let last = lines.last, last.count + 1 + option.count <= width {
          lines[lines.count - 1] += " " + option
        } else {
          lines.append(lines.isEmpty ? option : indent + option)
        }
      }
    }.joined(separator: "\n")
  }

  /// Words of a line, those within brackets together: `[--set <key=value> ...]`.
  private static func optionsApart(_ line: Substring) -> [String] {
    var depth = 0
    return line.split(separator: " ").reduce(into: [String]()) { options, word in
      if depth > 0 { options[options.count - 1] += " " + word } else { options.append(String(word)) }
      depth += word.count { $0 == "[" } - word.count { $0 == "]" }
    }
  }

  /// What is said of a first word that no command is called by, with the one that was probably meant; nil for others.
  static func unknownCommand(_ arguments: [String]) -> String? {
    guard arguments.count > 1, case let word = arguments[1], !word.hasPrefix("-"), word != "help",
      !configuration.subcommands.contains(where: { $0.configuration.commandName == word })
    else { return nil }
    let commands = Dictionary(paths(from: Self.self).map { ($0[$0.count - 1], $0) }) { first, _ in first }
    let near = nearestName(to: word, among: commands.keys).flatMap { commands[$0] }
    return "Error: there is no command '\(word)'."
      + (near.map { " Did you mean '\($0.joined(separator: " "))'?" } ?? "")
      + "\nUsage: \(usageString(for: Self.self))\n  See 'dist2 --help' for all commands."
  }

  /// Names that lead to a command: `dist2 reproduce regression`; nil if it is none of ours.
  private static func names(of command: any ParsableCommand.Type) -> [String]? {
    let types = types(from: Self.self)
    return zip(types, paths(from: Self.self)).first { $0.0 == command }?.1
  }

  private static func types(from root: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    [root] + root.configuration.subcommands.flatMap { types(from: $0) }
  }

  private static func paths(from root: any ParsableCommand.Type) -> [[String]] {
    let own = [root.configuration.commandName ?? "\(root)"]
    return [own] + root.configuration.subcommands.flatMap { paths(from: $0) }.map { own + $0 }
  }
}
