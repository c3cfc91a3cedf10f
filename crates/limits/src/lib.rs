//! Request windows and parallel slots of one deployment, exact to the moment.
