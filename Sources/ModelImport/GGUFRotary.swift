// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenModels
import TorchNN

/// The tensor in which llama.cpp's converter keeps what Llama 3's scaling divides each frequency by.
let rotaryFactorsName = "rope_freqs.weight"

/// How the model stretches its rotary frequencies.
///
/// - Throws: `InputError` for a kind of scaling that dist2 does not know.
func rotaryScaling(
  of file: GGUFFile, _ model: LlamaConfiguration
) throws(InputError) -> RotaryEmbedding.Scaling {
  let metadata = file.metadata
  let prefix = "llama.rope.scaling."
  // As in llama.cpp, a factor without a type is a linear one.
  let oldFactor = try metadata.double("llama.rope.scale_linear")
  let factor = try metadata.double(prefix + "factor") ?? oldFactor ?? 1
  let type = try metadata.string(prefix + "type") ?? (factor == 1 ? "none" : "linear")
  guard type == "none" || type == "linear" else {
    throw metadata.error(
      prefix + "type", expected: "none or linear; Llama 3's scaling is read from \(rotaryFactorsName)")
  }
  guard factor > 0 else { throw metadata.error(prefix + "factor", expected: "a number above 0") }
  guard let tensor = file[rotaryFactorsName] else {
    return type == "linear" && factor != 1 ? .linear(factor: factor) : .none
  }
  guard type == "none", tensor.shape == [model.headDimension / 2] else {
    throw InputError(
      path: file.file.path, place: "tensor \(rotaryFactorsName)",
      expected: "shape [\(model.headDimension / 2)], and no other scaling", found: "\(tensor.shape), type \(type)")
  }
  let factors = tensor.floats().map(Double.init)
  guard let scaling = llama3Scaling(dividing: factors, theta: model.theta) else {
    throw InputError(
      path: file.file.path, place: "tensor \(rotaryFactorsName)",
      expected: "the factors of Llama 3's scaling with low_freq_factor 1 and high_freq_factor 4", found: "others",
      remedy: "Convert the model from its original folder instead.")
  }
  return scaling
}

/// Finds the parameters of Llama 3's scaling that give these factors.
///
/// With a wavelength λ and an original context of L tokens, the converter stores the `factor` where λ > L / low, 1
/// where λ < L / high, and between them 1 / ((1 − s) / factor + s) with s = (L / λ − low) / (high − low). All released
/// models have low 1 and high 4, and a power of two for L (8,192): of these the one that gives all the factors is
/// sought.
func llama3Scaling(dividing factors: [Double], theta: Double) -> RotaryEmbedding.Scaling? {
  guard let factor = factors.max(), factor >= 1, factor.isFinite else { return nil }
  if factor == 1 { return RotaryEmbedding.Scaling.none }
  let (low, high) = (1.0, 4.0)
  func stored(_ index: Int, _ length: Double) -> Double {
    let wavelength = 2 * Double.pi * pow(theta, Double(index) / Double(factors.count))
    if wavelength < length / high { return 1 }
    if wavelength > length / low { return factor }
    let s = (length / wavelength - low) / (high - low)
    return 1 / ((1 - s) / factor + s)
  }
  for length in [8192] + (4...24).map({ 1 << $0 }) {
    let fits = factors.indices.allSatisfy { abs(stored($0, Double(length)) - factors[$0]) <= 1e-4 * factors[$0] }
    if fits { return .llama3(factor: factor, low: low, high: high, originalLength: length) }
  }
  return nil
}
