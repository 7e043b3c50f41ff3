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
      var table = Table(columns: ["", "what", "found", "remedy"].map { Table.Column($0) })
      for finding in findings {
        table.add([
          .text(finding.isGood ? "ok" : "!"), .text(finding.what), .text(finding.found), .text(finding.remedy),
        ])
      }
      print(table.text(style: .plain, terminal: terminal))
    }
    if findings.contains(where: { !$0.isGood && $0.isNeeded }) { throw ExitCode(1) }
  }
}
