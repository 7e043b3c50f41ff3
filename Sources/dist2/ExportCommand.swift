// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
public import Recipes
import Reports

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a trained model as a Hugging Face folder for transformers, vLLM or llama.cpp's converter.",
    discussion: "Adapters are merged into the weights. The folder appears whole or not at all.")
  @OptionGroup var model: ModelOptions
  @Option(name: [.short, .long], help: "The folder to make.", completion: .directory) var output: String
  @Option(help: "Type of the weights: float32, bfloat16 or float16.") var dtype: ExportType = .float32
  @Flag(help: "Replace the folder if it is there and holds a model.") var force = false

  func run() throws {
    let files = try exportModel(model.choice(), to: output, dtype: dtype, replacing: force)
    var table = Table(columns: [Table.Column(output), Table.Column("", alignment: .right)])
    for file in files { table.add([.text(file.name), .bytes(file.bytes)]) }
    print(table.text(style: .plain, terminal: .standardOutput))
  }
}

extension ExportType: ExpressibleByArgument {}
