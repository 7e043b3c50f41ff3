// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes
import Reports

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "See what a run would learn from your data, token by token, before training.",
    discussion: """
      Shows examples with the tokens that are learnt and those that carry a distance, the target around each, its \
      weight and contrastive example, and warns of what usually goes wrong. Of objectives over responses: the prompt, \
      where it ends, and the tokens of each response.
      """)
  @OptionGroup var options: RunFileOptions
  @Option(help: "How many examples to show. Default: 3.", transform: whole(1...1000)) var examples = 3
  @Option(help: "Show the example of this line of the file.", transform: whole(OptionRange.counts)) var line: Int?
  @Option(help: "Write the same as a page to this file.", completion: .file(extensions: ["html"])) var html: String?

  func run() throws {
    let settings = try options.settings()
    guard !settings.data.areCodes else {
      guard html == nil, line == nil else {
        throw ValidationError("--html and --line: image codes have neither page nor lines")
      }
      print(try CodeInspection(CodeRunArtifacts(settings), count: 4 * max(1, examples)).text(.standardOutput))
      return
    }
    if settings.readsResponses {
      let inspection = try ResponseInspection(ResponseArtifacts(settings), count: max(1, examples), line: line)
      print(inspection.text(.standardOutput))
      return try write(inspection.page(command: CommandLine.asTyped))
    }
    let inspection = try Inspection(RunArtifacts(settings), count: max(1, examples), line: line)
    print(inspection.text(.standardOutput))
    try write(inspection.page(command: CommandLine.asTyped))
  }

  private func write(_ page: @autoclosure () -> HTMLReport) throws {
    guard let html else { return }
    try page().write(to: html)
    print("\nPage: \(html)")
  }
}
