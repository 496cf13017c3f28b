/* specs.h - tables of the options of models. */
#ifndef MODEL_SPECS_H
#define MODEL_SPECS_H

#include <pilot/model.h>

/* The table of options of [ops] with the common rows behind it; lives for
 * the life of the process.  NULL when there is no such model.
 */
const pe_option_spec *model_specs(const pe_model_ops *ops);

#endif
