/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/predict/commands.h"
int
predict_plot_main(int argc, char **argv)
{
    return 2;
}
