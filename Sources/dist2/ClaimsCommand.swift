// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments
import Files
import Reports

struct ClaimsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "claims",
    abstract: "List the paper's claims K1 to K20: what was found here, or which command would find it.",
    discussion: "Reads the reports of experiments in a folder, and computes those that are mathematics.")
  @Argument(help: "Folder of the experiments' folders. Default: runs, if there is one.", completion: .directory)
  var folder: String?
  @Flag(help: "Print it as JSON.") var json = false
  @Flag(help: "Print a table in Markdown.") var markdown = false

  func run() throws {
    let report = try ClaimsReport(in: folder ?? (fileExists("runs") ? "runs" : nil))
    if json {
      print(try report.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(markdown ? report.markdown : report.text(.standardOutput))
    }
  }
}
