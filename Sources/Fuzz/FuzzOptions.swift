// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The command line.
struct FuzzOptions {
  var seed: UInt64 = 1
  var seconds = 60.0
  var only: String?
  var child: String?
  /// Where inputs are.
  var folder = ".build/fuzz"

  /// Why a command line cannot be used.
  struct Misuse: Error { let words: String }

  static let usage = """
    Usage: Fuzz [--seed N] [--seconds N] [--only NAME] [--folder FOLDER]

    Feeds readers with valid input that was changed, to be run in the repository, whose fixtures it changes.
      --seed N         makes the inputs; the same for the same number (1)
      --seconds N      for how long; one round at least (60)
      --only NAME      one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))
      --folder FOLDER  where inputs are written and kept (.build/fuzz)
    """

  init(_ arguments: some Sequence<String>) throws {
    var rest = Array(arguments)[...]
    while let name = rest.popFirst() {
      guard ["--seed", "--seconds", "--only", "--child", "--folder"].contains(name) else {
        throw Misuse(words: "no option is called \(name)")
      }
      guard let text = rest.popFirst() else { throw Misuse(words: "\(name) needs a value") }
      func read<T>(_ value: T?) throws -> T {
        guard let value else { throw Misuse(words: "\(name) needs a number from 0, not \"\(text)\"") }
        return value
      }
      switch name {
      case "--seed": seed = try read(UInt64(text))
      case "--seconds": seconds = try read(Double(text).flatMap { (0...1e6).contains($0) ? $0 : nil })
      case "--only": only = try Self.target(text)
      case "--child": child = try Self.target(text)
      default: folder = text
      }
    }
  }

  private static func target(_ name: String) throws -> String {
    guard FuzzTarget.all.contains(where: { $0.name == name }) else {
      throw Misuse(words: "no reader is called \(name)")
    }
    return name
  }
}
