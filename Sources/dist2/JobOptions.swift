import ArgumentParser
import Foundation

/// How many cells of an experiment run side by side.
struct JobOptions: ParsableArguments {
  @Option(help: "Training runs side by side. Default: one per core.") var jobs: Int?

  func validate() throws {
    guard jobs ?? 1 > 0 else { throw ValidationError("--jobs: expected a number above 0, found \(jobs ?? 0)") }
  }

  /// Runs side by side, and threads of each. A core each is best: small matrices gain little from a second thread, and
  /// threads that wait for each other spin.
  func division(of cells: Int) -> (jobs: Int, threads: Int) {
    let cores = ProcessInfo.processInfo.activeProcessorCount, jobs = jobs ?? cores
    return (jobs, max(1, cores / max(1, min(jobs, cells))))
  }
}
