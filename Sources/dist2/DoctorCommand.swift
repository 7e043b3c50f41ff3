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
      for finding in findings {
        print("\(finding.isGood ? "ok" : "! ")  \(finding.what): \(finding.found)")
        if !finding.remedy.isEmpty { print("    " + terminal.prose(finding.remedy, indent: 4)) }
      }
    }
    if findings.contains(where: { !$0.isGood && $0.isNeeded }) { throw ExitCode(1) }
  }
}
