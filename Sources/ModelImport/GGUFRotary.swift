// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenModels
import TorchNN

/// The tensors in which llama.cpp keeps what rotary frequencies are divided by: Llama 3's scaling, then LongRoPE's for
/// short and for long texts.
let rotaryTensorNames = ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"]

extension GGUFFamily {
  /// How the model stretches its rotary frequencies.
  ///
  /// - Throws: `InputError` for a kind of scaling that dist2 does not know.
  func rotaryScaling(
    of file: GGUFFile, _ keys: GGUFKeys, _ model: DecoderConfiguration
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    let prefix = "rope.scaling."
    // As in llama.cpp, a factor without a type is a linear one.
    let oldFactor = try keys.metadata.double(name + ".rope.scale_linear")
    let factor = try keys.metadata.double(name + "." + prefix + "factor") ?? oldFactor ?? 1
    let type = try keys.metadata.string(name + "." + prefix + "type") ?? (factor == 1 ? "none" : "linear")
    let hasFactors = file[rotaryTensorNames[2]] != nil
    if modelType == "phi3", hasFactors { return try longrope(of: file, keys, model) }
    guard ["none", "linear"].contains(type) || type == "yarn" && modelType != "gemma3_text" else {
      throw keys.error(
        prefix + "type", expected: "none, linear or yarn; Llama 3's scaling is read from \(rotaryTensorNames[0])")
    }
    guard factor > 0 else { throw keys.error(prefix + "factor", expected: "a number above 0") }
    if let tensor = rotaryTensorNames.lazy.compactMap({ file[$0] }).first {
      guard hasFrequencyTensor, tensor.name == rotaryTensorNames[0] else {
        throw InputError(
          path: file.file.path, place: "tensor \(tensor.name)", expected: "no such tensor in a \(name) model",
          found: "shape \(tensor.shape)")
      }
      return try llama3(tensor, type: type, model)
    }
    if type == "yarn" { return try yarn(keys, factor, model) }
    return type == "linear" && factor != 1 ? .linear(factor: factor) : .none
  }

  private func llama3(
    _ tensor: GGUFTensor, type: String, _ model: DecoderConfiguration
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    guard type == "none", tensor.shape == [model.headDimension / 2] else {
      throw InputError(
        path: tensor.file.path, place: "tensor \(tensor.name)",
        expected: "shape [\(model.headDimension / 2)], and no other scaling", found: "\(tensor.shape), type \(type)")
    }
    let factors = tensor.floats().map(Double.init)
    guard let scaling = llama3Scaling(dividing: factors, theta: model.theta) else {
      throw InputError(
        path: tensor.file.path, place: "tensor \(tensor.name)",
        expected: "the factors of Llama 3's scaling with low_freq_factor 1 and high_freq_factor 4", found: "others",
        remedy: "Convert the model from its original folder instead.")
    }
    return scaling
  }

  /// YaRN as llama.cpp computes it: cosines and sines times 1 + 0.1 ln(factor).
  private func yarn(
    _ keys: GGUFKeys, _ factor: Double, _ model: DecoderConfiguration
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    let prefix = "rope.scaling."
    for name in ["attn_factor", "yarn_attn_factor", "yarn_ext_factor"] {
      if let value = try keys.metadata.double(self.name + "." + prefix + name), value != 1 {
        throw keys.error(prefix + name, expected: "1, the only factor supported")
      }
    }
    if let value = try keys.metadata.double(name + "." + prefix + "yarn_log_multiplier"), value != 0 {
      throw keys.error(prefix + "yarn_log_multiplier", expected: "no such option, which is not supported")
    }
    return .yarn(
      factor: factor, fast: try keys.positive(prefix + "yarn_beta_fast", default: 32),
      slow: try keys.positive(prefix + "yarn_beta_slow", default: 1),
      originalLength: try keys.count(prefix + "original_context_length", default: model.contextLength, limit: 1 << 31),
      truncates: true, attention: factor <= 1 ? 1 : 0.1 * log(factor) + 1)
  }

  private func longrope(
    of file: GGUFFile, _ keys: GGUFKeys, _ model: DecoderConfiguration
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    let turned = try keys.count("rope.dimension_count", default: model.headDimension, limit: model.headDimension)
    func factors(_ name: String) throws(InputError) -> [Double] {
      guard let tensor = file[name] else { throw GGUFModel.missing(name, in: file) }
      guard tensor.shape == [turned / 2] else {
        throw InputError(
          path: file.file.path, place: "tensor \(name)", expected: "shape [\(turned / 2)]", found: "\(tensor.shape)")
      }
      return tensor.floats().map { Double("\($0)") ?? Double($0) }
    }
    return .longrope(
      short: try factors(rotaryTensorNames[1]), long: try factors(rotaryTensorNames[2]),
      originalLength: try keys.count("rope.scaling.original_context_length", limit: 1 << 31),
      attention: try keys.positive("rope.scaling.attn_factor", default: 1))
  }
}

/// Finds the parameters of Llama 3's scaling that give these factors.
///
/// All released models have low 1 and high 4, and a power of two for L (8,192): of these the one that gives all the
/// factors is sought.
func llama3Scaling(dividing factors: [Double], theta: Double) -> RotaryEmbedding.Scaling? {
  guard let factor = factors.max(), factor >= 1, factor.isFinite else { return nil }
  if factor == 1 { return RotaryEmbedding.Scaling.none }
  for length in [8192] + (4...24).map({ 1 << $0 }) {
    let stored = llama3Factors(
      factors.count, theta: theta, factor: factor, low: 1, high: 4, originalLength: length)
    let fits = zip(stored, factors).allSatisfy { abs($0 - $1) <= 1e-4 * $1 }
    if fits { return .llama3(factor: factor, low: 1, high: 4, originalLength: length) }
  }
  return nil
}

/// What llama.cpp's files store of Llama 3's scaling, for each of `count` frequencies.
///
/// With a wavelength λ and an original context of L tokens: the `factor` where λ > L / low, 1 where λ < L / high, and
/// between them 1 / ((1 − s) / factor + s) with s = (L / λ − low) / (high − low).
func llama3Factors(
  _ count: Int, theta: Double, factor: Double, low: Double, high: Double, originalLength: Int
) -> [Double] {
  let length = Double(originalLength)
  return (0..<count).map { index in
    let wavelength = 2 * Double.pi * pow(theta, Double(index) / Double(count))
    if wavelength < length / high { return 1 }
    if wavelength > length / low { return factor }
    let s = (length / wavelength - low) / (high - low)
    return 1 / ((1 - s) / factor + s)
  }
}
