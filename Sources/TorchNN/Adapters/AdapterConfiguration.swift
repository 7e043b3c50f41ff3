// SPDX-License-Identifier: Apache-2.0
import Files

/// `adapter_config.json` as PEFT writes it.
enum AdapterConfiguration {
  static let fileName = "adapter_config.json"
  /// What says nothing about the computation, or is only about how training began.
  private static let ignored: Set<String> = [
    "auto_mapping", "fan_in_fan_out", "inference_mode", "megatron_core", "peft_version", "qalora_group_size",
    "revision", "runtime_config", "task_type",
  ]

  /// Modules that PEFT saves with adapters of any classifier (`task_type` SEQ_CLS), whichever of them the model has.
  private static let classifierHeads: Set<String> = ["classifier", "score"]

  /// The settings of a file.
  ///
  /// - Parameter modulesToSave: names of modules that may be saved with the adapters.
  /// - Throws: `InputError` for an option that is not supported: whatever is known neither here nor to be off.
  static func read(_ path: String, modulesToSave: [String]) throws -> LoRASettings {
    let reader = try JSONReader(file: path, limit: 1 << 24)
    let kind = try reader.at("peft_type")
    guard try kind.string() == "LORA" else { throw kind.error(expected: "LORA") }
    var settings = LoRASettings(targets: [])
    for (key, value) in try reader.object().members where !ignored.contains(key) {
      let field = reader.child(key, value)
      switch key {
      case "peft_type": continue
      case "r": settings.rank = try field.int()
      case "lora_alpha": settings.alpha = try field.double()
      case "lora_dropout": settings.dropout = try field.double()
      case "use_rslora": settings.isRankStabilized = try field.bool()
      case "target_modules": settings.targets = try targets(field)
      case "base_model_name_or_path": settings.base = value == .null ? nil : try field.string()
      case "modules_to_save" where !modulesToSave.isEmpty:
        let names = value == .null ? [] : try field.elements().map { try $0.string() }
        guard names.allSatisfy({ modulesToSave.contains($0) || classifierHeads.contains($0) }) else {
          throw field.error(
            expected: modulesToSave.joined(separator: ", "), found: names.joined(separator: ", "),
            remedy: "Other modules are not saved with adapters.")
        }
      case "bias": try require(field, isOneOf: ["none"])
      case "init_lora_weights": try require(field, isOneOf: [true, false, "gaussian", "orthogonal"])
      default: try requireOff(field)
      }
    }
    try settings.check(path: path)
    return settings
  }

  /// The text of the file for these settings.
  ///
  /// - Parameters:
  ///   - targets: names, none of which stands for others.
  ///   - modulesToSave: names of modules that are saved with the adapters: a classifier's head.
  static func text(_ settings: LoRASettings, targets: [String], modulesToSave: [String]) -> String {
    let alpha = Int(exactly: settings.alpha).map(JSON.int) ?? .double(settings.alpha)
    let json: JSON = [
      "alpha_pattern": [:], "auto_mapping": nil, "base_model_name_or_path": settings.base.map(JSON.string) ?? .null,
      "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
      "layers_pattern": nil, "layers_to_transform": nil, "lora_alpha": alpha, "lora_bias": false,
      "lora_dropout": .double(settings.dropout),
      "modules_to_save": modulesToSave.isEmpty ? .null : .array(modulesToSave.map(JSON.string)), "peft_type": "LORA",
      "r": .int(settings.rank), "rank_pattern": [:], "revision": nil,
      "target_modules": .array(targets.map(JSON.string)),
      "task_type": modulesToSave.isEmpty ? "CAUSAL_LM" : "SEQ_CLS", "use_dora": false,
      "use_rslora": .bool(settings.isRankStabilized),
    ]
    return json.text(pretty: true) + "\n"
  }

  private static func targets(_ field: JSONReader) throws -> [String] {
    if case .string(let pattern) = field.value, pattern != LoRASettings.allLinear {
      throw field.error(
        expected: "a list of names, or \(LoRASettings.allLinear)", found: "the regular expression \(pattern)",
        remedy: "Write the names of the layers it matches.")
    }
    if case .string(let all) = field.value { return [all] }
    return try field.elements().map { try $0.string() }
  }

  private static func require(_ field: JSONReader, isOneOf values: [JSON]) throws {
    guard values.contains(field.value) else {
      throw field.error(
        expected: values.map { $0.text() }.joined(separator: " or "), remedy: "Other adapters are not supported.")
    }
  }

  private static func requireOff(_ field: JSONReader) throws {
    switch field.value {
    case .null, false, [:], []: return
    default:
      throw field.error(expected: "nothing: this option is not supported", remedy: "Merge the adapter with PEFT first.")
    }
  }
}

private func ~= (pattern: JSON, value: JSON) -> Bool { pattern == value }
