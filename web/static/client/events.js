/**
 * An EventTarget whose events are CustomEvents with details of known types: Details maps the event's type to its detail.
 * @template {object} Details
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Details & string} K
   * @param {K} type
   * @param {((event: CustomEvent<Details[K]>) => void) | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @override
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListenerOrEventListenerObject | null} */ (listener), options);
  }

  /**
   * @template {keyof Details & string} K
   * @param {K} type
   * @param {((event: CustomEvent<Details[K]>) => void) | EventListenerObject | null} listener
   * @param {boolean | EventListenerOptions} [options]
   * @override
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, /** @type {EventListenerOrEventListenerObject | null} */ (listener), options);
  }

  /**
   * @template {keyof Details & string} K
   * @param {K} type
   * @param {Details[K]} detail
   * @protected
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
