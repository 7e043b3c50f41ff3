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

  /// Keys of the settings that can be refused for their values.
  private static let keys = [
    "rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "targets": "target_modules",
    "exclude": "exclude_modules", "rankPattern": "rank_pattern", "alphaPattern": "alpha_pattern",
    "modulesToSave": "modules_to_save",
  ]

  /// Place in a file of a setting, by its name in run files.
  static func place(_ setting: String) -> String { "key \(keys[setting] ?? setting)" }

  /// What a file says.
  struct Content {
    /// Its settings. Names of modules to save are as PEFT compares them, by ``means(_:_:)``.
    let settings: LoRASettings
    /// Whether what is saved of a table of embeddings is the head's, too (`ensure_weight_tying`).
    let tiesHead: Bool
  }

  /// Whether PEFT takes a name of `modules_to_save` for the module of a full name: any end, with a point before it or not.
  static func means(_ name: String, _ key: String) -> Bool { key.hasSuffix(name) }

  /// The settings of a file.
  ///
  /// - Parameter heads: names of modules that the model saves with any adapters.
  /// - Throws: `InputError` for an option that is not supported: whatever is known neither here nor to be off.
  static func read(_ path: String, heads: [String]) throws -> Content {
    let reader = try JSONReader(file: path, limit: 1 << 24)
    let kind = try reader.at("peft_type")
    guard try kind.string() == "LORA" else { throw kind.error(expected: "LORA") }
    var settings = LoRASettings(targets: []), tiesHead = false
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
      case "use_dora": settings.decomposesWeights = try field.bool()
      case "rank_pattern": settings.rankPattern = try pattern(field) { try $0.int() }
      case "alpha_pattern": settings.alphaPattern = try pattern(field) { try $0.double() }
      case "exclude_modules": settings.exclude = try names(field)
      case "modules_to_save":
        settings.modulesToSave = try names(field).filter { name in
          heads.isEmpty || !(heads.contains(name) || classifierHeads.contains(name))
        }
      case "ensure_weight_tying": tiesHead = try field.bool()
      case "bias": try require(field, isOneOf: ["none"])
      case "init_lora_weights": try require(field, isOneOf: [true, false, "gaussian", "orthogonal"])
      default: try requireOff(field)
      }
    }
    try settings.check(path: path, place: place)
    return Content(settings: settings, tiesHead: tiesHead)
  }

  /// The text of the file for these settings.
  ///
  /// - Parameters:
  ///   - targets: names, none of which stands for others.
  ///   - heads: names of modules that the model saves with any adapters: a classifier's head.
  ///   - modulesToSave: names of the other modules that are saved.
  ///   - tiesHead: whether a table among these is the head, too.
  static func text(
    _ settings: LoRASettings, targets: [String], heads: [String], modulesToSave: [String], tiesHead: Bool
  ) -> String {
    let saved = heads + modulesToSave
    let json: JSON = [
      "alpha_pattern": object(settings.alphaPattern, number), "auto_mapping": nil,
      "base_model_name_or_path": settings.base.map(JSON.string) ?? .null, "bias": "none",
      "exclude_modules": names(settings.exclude), "fan_in_fan_out": false, "inference_mode": true,
      "init_lora_weights": true, "layers_pattern": nil, "layers_to_transform": nil,
      "lora_alpha": number(settings.alpha), "lora_bias": false, "lora_dropout": .double(settings.dropout),
      "modules_to_save": names(saved),
      "peft_type": "LORA", "r": .int(settings.rank), "rank_pattern": object(settings.rankPattern, JSON.int),
      "revision": nil, "target_modules": .array(targets.map(JSON.string)),
      "task_type": heads.isEmpty ? "CAUSAL_LM" : "SEQ_CLS", "use_dora": .bool(settings.decomposesWeights),
      "use_rslora": .bool(settings.isRankStabilized),
    ]
    // A key that older versions of PEFT do not know.
    guard tiesHead, case .object(var object) = json else { return json.text(pretty: true) + "\n" }
    object["ensure_weight_tying"] = true
    return JSON.object(object).text(pretty: true) + "\n"
  }

  private static func number(_ value: Double) -> JSON { Int(exactly: value).map(JSON.int) ?? .double(value) }

  private static func names(_ names: [String]) -> JSON { names.isEmpty ? .null : .array(names.map(JSON.string)) }

  private static func object<Value>(_ pattern: LayerPattern<Value>, _ value: (Value) -> JSON) -> JSON {
    .object(pattern.entries.reduce(into: JSONObject()) { $0[$1.name] = value($1.value) })
  }

  private static func targets(_ field: JSONReader) throws -> [String] {
    if case .string(let all) = field.value, all == LoRASettings.allLinear { return [all] }
    return try names(field)
  }

  /// A list of names of layers or modules; null for none.
  private static func names(_ field: JSONReader) throws -> [String] {
    switch field.value {
    case .null: return []
    case .string(let pattern): throw regular(field, "a list of names", pattern)
    default: return try field.elements().map { try $0.string() }
    }
  }

  /// Values by names of layers, which PEFT reads as regular expressions; a point in them is a point here.
  private static func pattern<Value>(
    _ field: JSONReader, _ value: (JSONReader) throws -> Value
  ) throws -> LayerPattern<Value> {
    guard field.value != .null else { return LayerPattern() }
    return LayerPattern(
      try field.object().members.map { name, _ in
        let plain = name.hasPrefix("^") ? name.dropFirst() : name[...]
        guard plain.allSatisfy({ $0.isLetter || $0.isNumber || "_.-".contains($0) }) else {
          throw regular(field, "names of layers", name)
        }
        return LayerPattern<Value>.Entry(name, try value(field.at(name)))
      })
  }

  private static func regular(_ field: JSONReader, _ expected: String, _ pattern: String) -> InputError {
    field.error(
      expected: expected, found: "the regular expression \(pattern)",
      remedy: "Write the names of the layers it matches.")
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
