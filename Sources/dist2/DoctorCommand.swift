// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Recipes
import Reports

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check what dist2 needs: libtorch, cores, memory, disk, the default model.")
  @Flag(help: "Print as JSON.") var json = false

  func run() throws {
    let findings = diagnose()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      print(String(decoding: try encoder.encode(findings), as: UTF8.self))
    } else {
      let terminal = Terminal.standardOutput
      // Nothing is cut, however narrow the terminal is or whatever reads the pipe.
      for finding in findings {
        print("\(finding.isGood ? "ok" : "! ")  \(finding.what): \(finding.found)")
        for line in finding.remedy.wrapped(to: max(40, terminal.size().columns - 4)) { print("    \(line)") }
      }
    }
    if findings.contains(where: { !$0.isGood && $0.isNeeded }) { throw ExitCode(1) }
  }
}
