// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch

/// The worker's side of the suite's conversation, one JSON object a line: `ready` once everything is in memory, then
/// for every `go` on standard input the seconds that one go took and a number by which the suite checks that its peers
/// computed the same; at the end of the input the greatest resident memory.
struct Worker {
  /// Says that everything is in memory.
  func ready() { say(["rss_kib": memory("VmRSS")]) }

  /// Waits for the next `go`; false at the end of the input.
  func next() -> Bool { readLine() != nil }

  /// Answers a `go`.
  ///
  /// - Parameter start: the times when it was read.
  func answer(since start: Moment, check: Double) {
    let now = Moment()
    say(["seconds": (now.wall - start.wall) / .seconds(1), "cpu": now.cpu - start.cpu, "check": check])
  }

  /// Answers every `go` by doing the work once. It gives the number to check.
  func serve(_ work: () throws -> Double) throws {
    ready()
    while next() {
      let start = Moment()
      let check = try work()
      answer(since: start, check: check)
    }
  }

  /// The last line.
  func leave() { say(["peak_kib": memory("VmHWM")]) }

  private func say(_ values: [String: Double]) {
    let fields = values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    print("{" + fields.joined(separator: ", ") + "}")
    fflush(nil)
  }

  private func memory(_ key: String) -> Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(key + ":") }
    return line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } } ?? 0
  }
}

/// A time by the clock, and by the seconds that processors have spent on this process.
struct Moment {
  let wall = ContinuousClock.now
  let cpu: Double

  init() {
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    cpu = Double(used.tv_sec) + 1e-9 * Double(used.tv_nsec)
  }
}

/// `key=value` arguments.
struct Settings {
  private let values: [String: String]

  init(_ arguments: some Sequence<String>) {
    values = Dictionary(
      arguments.map { argument in
        let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
        return (parts[0], parts.count > 1 ? parts[1] : "")
      }, uniquingKeysWith: { $1 })
  }

  func string(_ key: String) -> String? { values[key] }

  /// A value that must be there.
  func required(_ key: String) -> String {
    guard let value = values[key] else { fatalError("\(key)=… is missing") }
    return value
  }

  func int(_ key: String, _ standard: Int) -> Int {
    guard let text = values[key] else { return standard }
    guard let value = Int(text) else { fatalError("\(key)=\(text) is no number") }
    return value
  }
}

/// What every dist2 process does first, unless the allocator is to be as it is found.
func prepare(_ settings: Settings) {
  if settings.string("allocator") != "default" { Torch.keepMemory() }
  if let threads = settings.string("threads").flatMap({ Int($0) }) { Torch.threads = threads }
}
