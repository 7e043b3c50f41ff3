// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser

/// Runs of an experiment in a process of their own, started by `dist2 reproduce`, `compare` and `study`.
struct RunWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "run", shouldDisplay: false)
  @Argument var experiment: String
  @Option var folder: String
  @Option(name: .customLong("run"), parsing: .singleValue) var runs: [String]
  @Option(transform: whole(1...4096)) var threads: Int
  func run() throws { try runExperiment(experiment, runs: runs, folder: folder, threads: threads) }
}
