// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports
import TokenModels
import Torch
import TorchNN
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many tokens a model can keep in mind at once: half of the free memory, by what their keys and values take.
func automaticTokenBudget(_ model: any TokenModel) throws -> Int {
  guard model.head.weight.device == .cpu, let free = availableMemory() else { return 16_384 }
  let perToken = try withTorchErrors { model.makeCache(batch: 1, capacity: 1).bytes } + 16 * model.hiddenSize * 4
  return min(max(free / 2 / perToken, 1024), 32_768)
}

/// Refuses, before anything is reserved, what cannot fit into memory.
///
/// - Parameters:
///   - bytes: what it takes at least; a double, since sizes from outside multiply beyond integers.
///   - path: what the sizes come from.
///   - purpose: what takes the memory.
func requireMemory(
  bytes: Double, path: String, for purpose: String, remedy: String, on device: Device = .cpu
) throws(InputError) {
  guard device == .cpu, let free = availableMemory(withSwap: true), bytes > Double(free) else { return }
  func gibibytes(_ bytes: Double) -> String {
    let value = bytes / 1_073_741_824
    return value < 10 ? String(format: "%.2f GiB", value) : String(format: "%.0f GiB", value)
  }
  throw InputError(
    path: path, expected: "sizes that fit the \(gibibytes(Double(free))) of memory that can be had",
    found: "\(gibibytes(bytes)) for \(purpose)", remedy: remedy)
}

/// Memory of a run besides activations.
struct TrainingMemory {
  /// Bytes of weights, trained ones too.
  var weights = 0.0
  /// Parameters that are trained.
  var trained = 0.0
  /// Bytes of their gradients, and of the optimizer's state.
  var state = 0.0

  /// Bytes in all.
  var bytes: Double { weights + state }

  /// - Parameters:
  ///   - model: without weights, and adapters so far: it gets those of the run.
  ///   - path: what errors call the settings.
  ///   - processes: those that share what `train.shard` says.
  /// - Throws: `InputError` for settings that do not fit the model.
  init(_ model: any TokenModel, _ train: TrainSettings, path: String, processes: Int) throws {
    let quantized = try train.quantize.map { try model.layersToQuantize($0, path: "\(path).quantize") } ?? []
    let codes = quantized.reduce(0.0) { $0 + $1.layer.weight.shape.reduce(1.0) { $0 * Double($1) } }
    if let lora = train.lora {
      try model.describeLoRA(lora, path: "\(path).lora")
      trained = Self.count(model.trainableParameters())
    } else {
      // What fits nothing is said when training begins: it may name a head, which is not here yet.
      let frozen = train.freeze.map { ParameterPattern($0) }, all = model.parameters()
      let kept = Set(all.filter { one in frozen.contains { $0.matches(one.key) } }.map { ObjectIdentifier($0.tensor) })
      var seen = kept
      trained = Self.count(all.filter { seen.insert(ObjectIdentifier($0.tensor)).inserted })
    }
    // Masters in float32 beside the weights of another type; sums of gradients are in float32 as well.
    let size = Double(train.dtype.size), masters = train.dtype == .float32 ? 0.0 : 4, gradients = 4.0
    // One process alone has nobody to share with.
    let sharding = processes > 1 ? train.sharding : .none
    let shares = Double(processes), moments = 2 * Double(train.stateBits.rawValue) / 8
    weights = (numberCount(model) - codes) * size + codes * (train.quantize?.bytesPerWeight ?? 0)
    state = trained * (masters + moments) / (sharding == .none ? 1 : shares)
    switch sharding {
    case .none, .optimizer: state += trained * gradients
    case .gradients: state += trained * gradients / shares
    case .parameters:
      let layers = model.descendants().compactMap { $0.module as? SuppliedModule }
      guard !layers.isEmpty else { return }
      let count = layers.reduce(0) { $0 + Self.count($1.parameters()) }
      let whole = max(0, numberCount(model) - count) * size, inLayers = max(0, weights - whole)
      // The layer that computes, and the next one.
      weights = whole + inLayers / shares + 2 * inLayers / Double(layers.count)
      // Of a layer's gradients what fills and what is sent; those of the rest fill until the end of a pass.
      let split = train.lora == nil ? min(count, trained) : 0
      state += gradients * (trained / shares + trained - split + 2 * split / Double(layers.count))
    }
  }

  /// For `inspect`.
  func note(_ train: TrainSettings) -> String {
    let codes = train.quantize.map { " (linear layers in \($0.format.rawValue))" } ?? ""
    func whole(_ value: Double) -> Int { Int(min(value, 1e18)) }
    return "Memory besides activations: weights \(Quantity.bytes(whole(weights)))\(codes); "
      + "\(Quantity.count(whole(trained))) parameters are trained, their gradients and the optimizer's state take "
      + "\(Quantity.bytes(whole(state)))."
  }

  private static func count(_ parameters: [NamedParameter]) -> Double {
    parameters.reduce(0) { $0 + $1.tensor.shape.reduce(1.0) { $0 * Double($1) } }
  }
}

extension RunSettings {
  /// What training the model in a folder takes, of each of some processes.
  func trainingMemory(_ folder: String, processes: Int = 1) throws -> TrainingMemory {
    try withTorchErrors {
      try TrainingMemory(describeModel(folder: folder), train, path: "\(path): train", processes: processes)
    }
  }

  /// Refuses a model in a folder that cannot fit into memory with what its training takes besides activations.
  ///
  /// - Parameters:
  ///   - processes: those that train it.
  ///   - here: how many of them have this machine's memory.
  func requireMemory(_ folder: String, processes: Int = 1, here: Int = 1) throws {
    let memory = try trainingMemory(folder, processes: processes)
    let remedy =
      switch (train.fromScratch, train.lora == nil, train.quantize == nil) {
      case _ where processes > 1 && train.sharding != .parameters:
        "Let each process hold its share: train.shard: parameters. Or start fewer."
      case (true, _, _): "Take smaller sizes in config.json."
      case (_, true, _): "Train adapters: train.lora."
      case (_, _, true): "Store the frozen weights in 4 bits: train.quantize: nf4."
      default: "Take a smaller model."
      }
    try Recipes.requireMemory(
      bytes: memory.bytes * Double(here), path: folder,
      for: "weights, gradients and optimizer state" + (here > 1 ? " of \(here) processes" : ""), remedy: remedy,
      on: train.device)
  }

  /// The model that a run starts from: of a folder, its linear layers quantised if the run says so.
  func startingModel(
    folder: String, options: LoadOptions, terminal: Terminal = .standardError
  ) throws -> any PretrainedModel {
    var options = options
    options.quantization = train.quantize
    return try loadModel(folder: folder, options: options, terminal: terminal)
  }
}

/// The parameters of a model as a double.
func numberCount(_ model: any TokenModel) -> Double {
  var seen = Set<ObjectIdentifier>()
  return model.parameters().filter { seen.insert(ObjectIdentifier($0.tensor)).inserted }
    .reduce(0) { $0 + $1.tensor.shape.reduce(1.0) { $0 * Double($1) } }
}

/// Bytes of memory that programs can still be given, and this process may have; nil where the system does not say.
func availableMemory(withSwap: Bool = false) -> Int? {
  guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
  func kibibytes(_ name: String) -> Int? {
    text.split(separator: "\n").first { $0.hasPrefix(name + ":") }?
      .split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
  guard let available = kibibytes("MemAvailable") else { return nil }
  let free = (available + (withSwap ? kibibytes("SwapFree") ?? 0 : 0)) << 10
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(Int.max) else {
    return free
  }
  return min(free, Int(limit.rlim_cur))
}

/// Runs a command; an operation on tensors that fails where no narrower `withTorchErrors` is ends it with an error.
public func withWordsForTensors<R>(_ body: () throws -> R) throws -> R { try withTorchErrors(body) }
