// SPDX-License-Identifier: Apache-2.0
public import ModelImport
public import ArgumentParser
import Recipes
import Reports

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Turn a GGUF file into a Hugging Face folder.",
    discussion: """
      The folder holds config.json, generation_config.json, model.safetensors, tokenizer.json and \
      tokenizer_config.json, and is read by dist2, transformers and vLLM. It appears whole or not at all. \
      docs/models.md has the families.
      """)

  @Argument(help: "The GGUF file.", completion: .file(extensions: ["gguf"])) var file: String
  @Option(
    name: [.short, .long], help: "The folder to make. Otherwise the file's name without .gguf, in this folder.",
    completion: .directory)
  var output: String?
  @Option(help: "The format of the weights: f32 (exact), bf16 or f16 (half the size).")
  var dtype: GGUFImport.Precision = .f32
  @Flag(help: "Replace the folder if it is there and holds a model.") var force = false

  func run() throws {
    let folder = output ?? defaultFolder
    let model = try GGUFImport(file)
    for note in model.notes { Terminal.standardError.note(note) }
    let summary = try ProgressBar.run("importing", total: model.parameterCount, unit: "weight") { bar in
      try model.write(to: folder, precision: dtype, replacing: force) { bar.update(completed: $0) }
    }
    var table = Table(columns: [Table.Column(summary.folder), Table.Column("", alignment: .right)])
    table.add(["model", .text(model.name ?? "unnamed")])
    table.add(["architecture", .text(model.architecture)])
    table.add(["parameters", .count(model.parameterCount)])
    table.add(["vocabulary", .count(model.vocabularySize)])
    for file in summary.files { table.add([.text(file.name), .bytes(file.bytes)]) }
    print(table.text(style: .plain, terminal: Terminal.standardOutput))
  }

  private var defaultFolder: String {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name + "-imported"
  }
}

extension GGUFImport.Precision: ExpressibleByArgument {}
