// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Parameters with settings of their own. Of several groups that select a parameter the first one counts.
public struct ParameterGroup: Sendable {
  /// Which parameters.
  public var selector: ParameterSelector
  /// Factor of the optimizer's learning rate.
  public var learningRateScale: Double
  /// In place of the optimizer's weight decay; nil keeps that.
  public var weightDecay: Double?

  /// Memberwise.
  public init(_ selector: ParameterSelector, learningRateScale: Double = 1, weightDecay: Double? = nil) {
    self.selector = selector
    self.learningRateScale = learningRateScale
    self.weightDecay = weightDecay
  }

  /// No weight decay on biases and normalisation weights.
  public static let vectorsWithoutDecay = ParameterGroup(.vectors, weightDecay: 0)
}

/// A trained parameter as an optimizer sees it, or the part of one that this process updates.
public struct OptimizedParameter {
  /// Its name in the checkpoint.
  public let key: String
  /// Type the model computes in.
  public let tensor: Tensor
  /// Its values in full precision, where they are known better than `tensor` holds them.
  public let master: Tensor?
  /// Index of its group, nil for the optimizer's own settings.
  public let group: Int?
  /// Its elements among those of the whole parameter, in row-major order. A part begins at a multiple of 256.
  public let range: Range<Int>
  /// Elements of the whole parameter.
  public let wholeCount: Int

  /// A whole one.
  public init(key: String, tensor: Tensor, master: Tensor?, group: Int?) {
    self.init(key: key, tensor: tensor, master: master, group: group, range: 0..<tensor.count, of: tensor.count)
  }

  private init(key: String, tensor: Tensor, master: Tensor?, group: Int?, range: Range<Int>, of count: Int) {
    (self.key, self.tensor, self.master, self.group) = (key, tensor, master, group)
    (self.range, wholeCount) = (range, count)
  }

  /// Some elements of it as a vector `[elements]`, and of a master a copy.
  ///
  /// - Parameter memory: where the elements are; nil for the memory of the parameter.
  func part(_ range: Range<Int>, in memory: Tensor?) -> OptimizedParameter {
    guard range != 0..<wholeCount || memory != nil else { return self }
    return noGrad {
      OptimizedParameter(
        key: key, tensor: memory ?? tensor.detach().view([-1]).narrow(0, range.lowerBound, range.count),
        master: master?.view([-1]).narrow(0, range.lowerBound, range.count).clone(), group: group, range: range,
        of: wholeCount)
    }
  }
}

extension OptimizedParameter {
  /// Updated tensor: the parameter itself, or its float32 master if it has fewer bits.
  var optimizedValues: Tensor { tensor.dtype.size >= 4 ? tensor : master ?? tensor.to(.float32) }
}

/// The settings of an optimizer: a value that makes the optimizer once the model is known.
public protocol OptimizerRule: Sendable {
  /// Learning rate that the schedule's factor multiplies.
  var learningRate: Double { get }
  /// Parameters with settings of their own.
  var groups: [ParameterGroup] { get }
  /// The optimizer, with its state as before the first step.
  func makeOptimizer(for parameters: [OptimizedParameter]) -> any Optimizer
}

/// Changes parameters in place, and keeps what it needs to know from step to step.
public protocol Optimizer: AnyObject {
  /// One update.
  ///
  /// - Parameters:
  ///   - gradients: one per parameter, in the order the optimizer was made with, nil where there is none: such a
  ///     parameter and its state stay as they are. Float32 for parameters of fewer bits. They may be overwritten.
  ///   - gradientFactor: what gradients are to be multiplied by: below 1 where they are clipped.
  ///   - learningRateFactor: the schedule's.
  func update(gradients: [Tensor?], gradientFactor: Double, learningRateFactor: Double)

  /// All that has to be saved beside the model's weights to go on as if nothing had happened.
  var state: [OptimizerState] { get }
}

/// A tensor of an optimizer's state.
public struct OptimizerState {
  /// Its name: `first.model.norm.weight`, the same for parts of a parameter as for the whole.
  public let name: String
  /// The live one: restoring copies into it.
  public let tensor: Tensor
  /// Its numbers.
  public let content: Content

  /// What a tensor's numbers are about.
  public enum Content {
    /// One number for each of the parameters of these names.
    case ofParameters([String])
    /// A number for every `width` elements of one parameter, of which this process has `range`.
    case ofElements(Range<Int>, width: Int)
  }

  /// Memberwise.
  public init(_ name: String, _ tensor: Tensor, _ content: Content) {
    (self.name, self.tensor, self.content) = (name, tensor, content)
  }
}
