// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// How many runs of an experiment run side by side.
struct JobOptions: ParsableArguments {
  @Option(help: "Training runs side by side. Default: one per core.", transform: whole(1...4096)) var jobs: Int?

  /// Runs side by side at most.
  var count: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Threads of each of so many runs. A core each is best: small matrices gain little from a second thread, and threads
  /// that wait for each other spin.
  func threads(sideBySide: Int) -> Int { max(1, ProcessInfo.processInfo.activeProcessorCount / max(1, sideBySide)) }
}
