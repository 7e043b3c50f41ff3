// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Foundation
import Recipes
import Reports
import Torch

/// How many processes share a command's work, and how they wait for each other.
struct ProcessOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Share the work among so many processes of this machine. torchrun or srun start them on several.",
      valueName: "n"))
  var processes: Int?
  @Option(help: ArgumentHelp("How long processes wait for each other.", valueName: "seconds")) var timeout = 600

  func validate() throws {
    if let processes {
      // More of them only wait for each other, and each has the model in memory.
      let cores = ProcessInfo.processInfo.activeProcessorCount, most = max(8, 4 * cores)
      guard (1...most).contains(processes) else {
        throw ValidationError("--processes must be from 1 to \(most) on this machine of \(cores) cores")
      }
    }
    guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout must be from 1 to 86400 seconds") }
  }

  /// Whether several processes are wanted, or this is one of them.
  var areSeveral: Bool { get throws { try processes ?? 1 > 1 || ProcessPlace.inEnvironment() != nil } }

  /// Starts the processes that are wanted, and ends as they do. Returns where this is one of them, or alone.
  ///
  /// - Parameters:
  ///   - readingLines: whether the first of them reads standard input.
  ///   - remedy: what to do when one is killed.
  func launch(readingLines: Bool = false, remedy: String = "") throws {
    guard let processes, processes > 1, try ProcessPlace.inEnvironment() == nil else { return }
    // A terminal gives lines to the processes in its foreground alone.
    if readingLines, isatty(0) == 1 {
      throw ValidationError("--processes reads lines from a file or a pipe: --data FILE, or … | dist2")
    }
    let launcher = ProcessLauncher(
      [CommandLine.programPath] + CommandLine.arguments.dropFirst(), count: processes, remedy: remedy)
    Foundation.exit(try launcher.run(complain))
  }

  /// Runs `body` with the other processes that share its work, if there are any.
  ///
  /// An error in one ends all of them, and is said once: by the process that noticed it first, or by who started them.
  func shared(_ body: (ProcessGroup?) throws -> Void) throws {
    guard let place = try ProcessPlace.inEnvironment() else { return try body(nil) }
    guard processes ?? place.size == place.size else {
      throw ValidationError("--processes \(processes ?? 1), but WORLD_SIZE says \(place.size)")
    }
    // The first speaks for all.
    if place.rank > 0 { Terminal.mute() }
    let limit = Duration.seconds(timeout)
    let group = try ProcessGroup(
      place, introduction: ProcessGroup.introduction, joining: min(limit, .seconds(120)), limit: limit)
    do {
      try withTorchErrors { try body(group) }
      group.leave()
    } catch let code as ExitCode {
      group.leave()
      throw code
    } catch {
      let isFirst = group.report(error)
      if isFirst == nil || isFirst == true && !ProcessLauncher.started { complain(group.words(for: error)) }
      // Not exit(): threads of the group still wait for those that have gone.
      _exit(1)
    }
  }
}
